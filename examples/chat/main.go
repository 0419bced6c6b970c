// Chat is a line-based chat server for nc, on tasks.
//
//	go run ./examples/chat -addr 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// The first line is the nick; then every line goes to everybody else. /nick
// NAME, /who and /quit are commands. Ctrl-C tells everyone, sends what is
// queued, and ends.
//
// It is the last step of the ladder: several tasks that share state. There is no
// lock in it. All tasks run on one loop, and one gives way to another only where
// it waits; between two waits, a room is as still as a local variable.
//
//	main.go    the server: listening, and what a signal does
//	room.go    who is here, and what they are told
//	client.go  one connection: a task that reads, a task that writes, a channel
//	           between them, and the slow reader's limit
//	line.go    what a line may be
package main

import (
	"context"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
)

func main() {
	cli.Main("chat", func(addr string) error {
		return serve(context.Background(), addr)
	})
}

// serve runs the server until a signal, or until ctx ends.
func serve(ctx context.Context, addr string) error {
	return coro.Run(ctx, func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		r := &room{}
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Go(func(ctx context.Context) error { return closeOnSignal(ctx, ln, r) }); err != nil {
				return err
			}
			fmt.Println("listening on", ln.Addr())
			// Serve returns nil when the listener has been closed and every
			// client has gone. An error of it cancels the task above.
			return coro.Serve(ctx, ln, r.serve)
		})
	})
}

// closeOnSignal is the task that waits for Ctrl-C. Nobody is cut off: the
// listener is closed, so that Serve takes no one in, and the room says goodbye.
func closeOnSignal(ctx context.Context, ln net.Listener, r *room) error {
	signalled, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop() // a second Ctrl-C ends the process at once
	if err := coro.Sleep(signalled, math.MaxInt64); ctx.Err() != nil {
		return err // it was not the signal: the scope was cancelled
	}
	if err := ln.Close(); err != nil {
		return err
	}
	return r.close(ctx)
}
