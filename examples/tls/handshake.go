package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/linger"
)

// maxHandshakes is how many handshakes are under way at a time. The others wait
// for a place, first come, first served, and their time runs.
//
// Bound: a handshake holds some 30 KB, buffers and a stack that has grown, so all
// of them are 30 MB. Clients that stall hold a place for the handshake's timeout
// at most: with more of them than places newcomers wait, and may be refused.
// Connections whose handshake is done do not notice.
const maxHandshakes = 1000

// handshake makes the TLS connection over c. Its errors are *net.OpError: the
// network's, or the client's fault, but not the server's.
func (s *server) handshake(ctx context.Context, c *coro.Conn) (*tls.Conn, error) {
	secure := tls.Server(c, s.config)
	err := coro.Timeout(ctx, s.limits.handshake, func(ctx context.Context) error {
		if err := s.places.Acquire(ctx, 1); err != nil {
			return err
		}
		defer func() { _ = s.places.Release(1) }() // it is ours
		// Not HandshakeContext: the timeout reaches the reads and writes inside
		// by the scope that the task is in, without a context of their own.
		return secure.Handshake()
	})
	if err == nil {
		return secure, nil
	}
	refuse(ctx, c, err)
	return nil, &net.OpError{Op: "handshake", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// unexpectedMessage is the alert of that name: fatal, in plain text, as TLS 1.2
// and 1.3 have it before keys are agreed on.
var unexpectedMessage = [...]byte{
	21,   // a record of type alert
	3, 1, // version, as in the first record of any handshake
	0, 2, // length
	2, 10, // fatal, unexpected_message
}

// refuse lets the client hear why its handshake has failed. crypto/tls has sent
// an alert, except to one that does not speak TLS at all.
func refuse(ctx context.Context, c *coro.Conn, err error) {
	if timeout := new(coro.TimeoutError); errors.As(err, &timeout) {
		return // it does not listen
	}
	linger.End(ctx, c, func() {
		if notTLS := new(tls.RecordHeaderError); errors.As(err, notTLS) && notTLS.Conn != nil {
			_, _ = c.Write(unexpectedMessage[:])
		}
	})
}
