package main

import (
	"context"
	"crypto/tls"

	"github.com/weft-go/weft/coro"
)

// maxHandshakes is how many TLS handshakes are under way at a time; further ones
// wait. Read about it, and about the rest of TLS, in examples/tls.
//
// Bound: 30 KB each.
const maxHandshakes = 1000

// secureExchange is an exchange over TLS. It stays with its connection, as the
// keys do, and is what fasthttp is given: it knows TLS by these methods.
type secureExchange struct {
	exchange
	tls *tls.Conn
}

// Handshake is fasthttp's, which wants to be sure that there was one.
func (x *secureExchange) Handshake() error { return x.tls.Handshake() }

// ConnectionState tells what was agreed on.
func (x *secureExchange) ConnectionState() tls.ConnectionState { return x.tls.ConnectionState() }

// handshake makes the secureExchange of a connection, in the first call of its
// handler.
func (s *server) handshake(ctx context.Context, c *coro.Conn) (*secureExchange, error) {
	x := new(secureExchange)
	x.wire.Conn = c
	x.wire.phase = request // reads may wait
	x.tls = tls.Server(&x.wire, s.tls)
	x.Conn = x.tls
	shake := func(ctx context.Context) error {
		if err := s.handshakes.Acquire(ctx, 1); err != nil {
			return err
		}
		defer func() { _ = s.handshakes.Release(1) }() // it is ours
		return x.tls.Handshake()
	}
	var err error
	if s.limits.header > 0 {
		err = coro.Timeout(ctx, s.limits.header, shake)
	} else {
		err = shake(ctx)
	}
	if err != nil {
		return nil, clientsFault(c, "handshake", err)
	}
	c.SetState(x)
	return x, nil
}
