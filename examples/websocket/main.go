package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
)

// maxConns is how many connections are open at a time. Those over it wait in the
// kernel's queue until one has ended.
//
// Bound: idle they are 4 MB. Each may have a handler, so a stack and up to
// maxMessage and its echo, while a message is under way.
const maxConns = 10_000

func main() {
	ping := pingAfter
	cli.Main("websocket", func(addr string) error {
		err := serve(context.Background(), addr, ping)
		if errors.Is(err, errGoodbye) {
			return nil
		}
		return err
	}, func(flags *flag.FlagSet) {
		flags.DurationVar(&ping, "ping", ping, "silence after which a client is sent a ping")
	})
}

// serve runs the server until a signal, or until ctx ends.
func serve(ctx context.Context, addr string, ping time.Duration) error {
	if ping <= 0 {
		return fmt.Errorf("-ping %v: not positive", ping)
	}

	return coro.Run(ctx, func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return coro.WithScope(ctx, func(scope *coro.Scope) error {
			s := newServer(scope, ping)
			if err := scope.Daemon(func(ctx context.Context) error { return s.endOnSignal(ctx, ln) }); err != nil {
				return err
			}
			fmt.Println("listening on", ln.Addr())
			return s.run(ctx, ln)
		})
	})
}

// errGoodbye is why connections are cut when all has been said.
var errGoodbye = errors.New("the server is going down")

// endOnSignal is the task that waits for Ctrl-C. It takes in nobody else, says
// goodbye to everyone, and gives them the time to answer. What is left then are
// connections of those who did not, and of those who have never said anything:
// browsers open some in advance.
func (s *server) endOnSignal(ctx context.Context, ln net.Listener) error {
	// A second Ctrl-C ends the process at once.
	if _, err := coro.WaitSignal(ctx, os.Interrupt, syscall.SIGTERM); err != nil {
		return err
	}
	if err := ln.Close(); err != nil {
		return err
	}
	if err := s.goodbye(ctx); err != nil {
		return err
	}
	var late *coro.TimeoutError
	if err := coro.Timeout(ctx, answerWithin, s.gone.Wait); err != nil && !errors.As(err, &late) {
		return err
	}
	return errGoodbye
}
