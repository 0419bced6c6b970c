package backend

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/valyala/fasthttp"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// serveCoro is weft's tasks: straight-line code on event loops, which share the
// port if there are several.
func serveCoro(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if c.Workload == Room {
		c.Loops = 1
	}
	var all sync.WaitGroup
	defer all.Wait()
	addr := c.Addr
	for i := range c.Loops {
		listening := make(chan string, 1)
		ended := make(chan error, 1)
		all.Go(func() {
			err := coroLoop(ctx, addr, c, listening)
			cancel(err) // one loop less is not the server that was asked for
			ended <- err
		})
		select {
		case addr = <-listening: // port 0 is a number now, for the other loops
		case err := <-ended:
			return err
		}
		if i == c.Loops-1 {
			c.Ready(addr)
		}
	}
	<-ctx.Done()
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// coroLoop runs one loop until ctx ends.
func coroLoop(ctx context.Context, addr string, c Config, listening chan<- string) error {
	return coro.Run(ctx, func(ctx context.Context) error {
		config := coro.ListenConfig{Options: poller.ListenOptions{Backlog: backlog, ReusePort: c.Loops > 1}}
		ln, err := config.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		listening <- ln.Addr().String()
		return coro.Serve(ctx, ln, coroHandler(c.Workload))
	})
}

// coroHandler is what a connection's task runs.
func coroHandler(w Workload) func(context.Context, net.Conn) error {
	switch w {
	case Room:
		room := new(members[net.Conn])
		return func(_ context.Context, c net.Conn) error {
			room.join(c)
			defer room.leave(c)
			return readRoom(c, func(news []byte) { writeToAll(room.all, news) })
		}
	case Slow:
		return func(ctx context.Context, c net.Conn) error { return answerSlow(c, offLoop(ctx)) }
	case HTTP:
		s := fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
			ctx.SetContentType("text/plain")
			ctx.SetBody(httpBody)
		}}
		return func(_ context.Context, c net.Conn) error { return s.ServeConn(c) }
	}
	return func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(c, c)
		return err
	}
}

// offLoop does work where it does not stop the loop.
func offLoop(ctx context.Context) func(work func()) error {
	return func(work func()) error {
		_, err := coro.Blocking(ctx, func() (struct{}, error) { work(); return struct{}{}, nil })
		return err
	}
}
