package main

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// on is a program for a simulated host: main, on a loop of tasks.
func on(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}}.Run(context.Background(), main)
	}
}

// start starts the server on a host and waits until it listens. The tests look
// into it: everything is in one goroutine at a time there.
func start(t *testing.T, w *sim.World) (*sim.Host, **server) {
	h, s := w.Host("server"), new(*server)
	h.Daemon("websocket", on(func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", ":80")
		if err != nil {
			return err
		}
		return coro.WithScope(ctx, func(scope *coro.Scope) error {
			*s = newServer(scope, pingAfter)
			return (*s).run(ctx, ln)
		})
	}))
	require.NoError(t, w.RunFor(time.Millisecond))
	return h, s
}

// join joins the room by the library's client, over a connection of a loop. What
// is read from in answers the server's pings.
func join(ctx context.Context, name string) (c net.Conn, in io.ReadWriter, err error) {
	d := ws.Dialer{NetDial: func(_ context.Context, network, addr string) (net.Conn, error) {
		return coro.Dialer{Timeout: 10 * time.Second}.Dial(ctx, network, addr)
	}}
	c, early, _, err := d.Dial(ctx, "ws://server:80/room?name="+name)
	if err != nil {
		return nil, nil, err
	}
	if early == nil {
		return c, c, nil
	}
	return c, struct {
		io.Reader
		io.Writer
	}{early, c}, nil
}
