package backend

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// serveNet is how one writes a server in Go: a goroutine per connection,
// parked in Read by the runtime's own poller.
func serveNet(ctx context.Context, c Config) error {
	lc := net.ListenConfig{KeepAlive: -1}
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { ln.Close() })()
	defer ln.Close()
	c.Ready(ln.Addr().String())
	if c.Workload == HTTP {
		return serveNetHTTP(ctx, ln)
	}
	serve := netHandler(c.Workload)
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go func() {
			_ = serve(conn) // the peer's end is no news
			// Not deferred: of a panic the peers see one thing, the end of the process.
			conn.Close()
		}()
	}
}

// netHandler is what a connection's goroutine runs.
func netHandler(w Workload) func(net.Conn) error {
	switch w {
	case Room:
		return new(lockedRoom).serve
	case Slow:
		return func(c net.Conn) error { return answerSlow(c, inline) }
	}
	return echoConn
}

// serveNetHTTP is the server of package net/http.
func serveNetHTTP(ctx context.Context, ln net.Listener) error {
	s := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(httpBody)
	})}
	err := s.Serve(ln)
	if ctx.Err() != nil || errors.Is(err, http.ErrServerClosed) {
		return s.Close()
	}
	return err
}

// echoConn is written out, because io.Copy would splice a TCP connection to
// itself through a pipe: six system calls per message.
func echoConn(conn net.Conn) error {
	buf := make([]byte, connBuffer)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return err
		}
		if n == len(buf) {
			buf = larger(buf)
		}
	}
}
