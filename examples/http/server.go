package main

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/linger"
)

// drainTimeout is how long requests may go on after a signal.
//
// Bound: the ten seconds that Docker gives a process, less some for the end.
const drainTimeout = 8 * time.Second

// stallLimit is when the watchdog speaks up.
//
// Bound: a mutex held too long is forever; less is a machine that has other work.
const stallLimit = time.Second

// server is what all connections of the loop share.
type server struct {
	limits     limits
	drain      time.Duration
	http       fasthttp.Server
	tls        *tls.Config     // nil: in the clear
	handshakes *coro.Semaphore // places for them
	stopping   context.Context // whose end is the server's
	counts     counts
}

func newServer(l limits, secure *tls.Config) *server {
	s := &server{limits: l, drain: drainTimeout, tls: secure, handshakes: coro.NewSemaphore(maxHandshakes)}
	l.apply(&s.http)
	s.http.Name = "weft"
	s.http.Handler = s.answer
	s.http.ConnState = observe
	return s
}

// run serves addr until ctx ends, and then what has been asked already. listening
// is called with the address, on the loop.
func (s *server) run(ctx context.Context, addr string, listening func(net.Addr)) error {
	s.stopping = ctx
	return coro.Server{
		Loops: 1, // what tasks share here, they share without locks
		Limits: coro.ServeConfig{
			MaxConns:     s.limits.conns,
			IdleTimeout:  s.limits.idle,
			DrainTimeout: s.drain,
		},
		Config:   coro.Config{StallLimit: stallLimit},
		OnListen: listening,
	}.RunReadable(ctx, "tcp", addr, s.serve)
}

// serve is called when a client has sent something, and serves requests until
// nothing of a further one has come.
func (s *server) serve(ctx context.Context, conn net.Conn) error {
	c := conn.(*coro.Conn) // RunReadable's are
	if s.tls == nil {
		x := exchanges.Get().(*exchange)
		x.wire = wire{Conn: c}
		x.Conn = &x.wire
		x.begin(ctx, true)
		err := s.exchange(x, x)
		*x = exchange{}
		exchanges.Put(x)
		return err
	}
	x, again := c.State().(*secureExchange)
	if !again {
		var err error
		if x, err = s.handshake(ctx, c); err != nil {
			return err
		}
	}
	x.begin(ctx, again) // what has woken the first call was the handshake's
	return s.exchange(&x.exchange, x)
}

// exchanges are lent to connections in the clear for the length of a call. Those
// whose handler has panicked are not given back.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// exchange serves the requests of one call; fasthttp is given x as the type that
// it knows TLS by.
func (s *server) exchange(x *exchange, as net.Conn) error {
	err := s.http.ServeConn(as)
	c := x.wire.Conn
	if x.wire.phase == idle {
		return nil // until there is more
	}
	if !x.wire.finished {
		// The client may still be sending what it has been refused.
		linger.End(x.ctx, c, func() {
			if secure, ok := x.Conn.(*tls.Conn); ok {
				_ = secure.CloseWrite()
			}
		})
	}
	if err == nil {
		return io.EOF
	}
	return clientsFault(c, "serve", err)
}

// clientsFault makes an error of a connection one of the network's, which coro
// logs at level Debug.
func clientsFault(c *coro.Conn, op string, err error) error {
	return &net.OpError{Op: op, Net: "tcp", Addr: c.RemoteAddr(), Err: err}
}
