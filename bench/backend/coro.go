package backend

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// serveCoro is weft's tasks: straight-line code on event loops, which share the
// port if there are several.
func serveCoro(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	defer all.Wait()
	addr := c.Addr
	for i := range c.Loops {
		listening := make(chan string, 1)
		ended := make(chan error, 1)
		all.Go(func() {
			err := coroLoop(ctx, addr, c.Loops > 1, listening)
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
func coroLoop(ctx context.Context, addr string, share bool, listening chan<- string) error {
	return coro.Run(ctx, func(ctx context.Context) error {
		config := coro.ListenConfig{Options: poller.ListenOptions{Backlog: backlog, ReusePort: share}}
		ln, err := config.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		listening <- ln.Addr().String()
		return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
			_, err := io.Copy(c, c)
			return err
		})
	})
}
