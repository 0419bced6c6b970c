// Echo is an echo server in callbacks: the reactor calls OnData with what came
// in, and what OnData writes goes out in one system call at the end.
//
//	go run ./examples/echo -addr 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// It is the second step of the ladder: pollecho does by hand what the reactor
// does here; coroecho is the same server as straight-line code.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/reactor"
)

// echo is the handler of every connection. It has no state, so all of them
// share one. NopHandler supplies the callbacks that are not needed; its OnEOF
// closes, after everything queued has been sent.
type echo struct{ reactor.NopHandler }

func (echo) OnData(c *reactor.Conn, data []byte) int {
	// Write copies or sends data, so the loop may reuse its buffer. A peer
	// that does not read makes the queue grow up to the high-water mark; then
	// the reactor stops reading from it. There is nothing to do here.
	if _, err := c.Write(data); err != nil {
		return 0 // the connection is closed; OnClose would tell why
	}
	return len(data)
}

func main() { cli.Main("echo", serve) }

func serve(addr string) error {
	loop, err := reactor.NewLoop(reactor.Options{})
	if err != nil {
		return err
	}
	ln, err := loop.Listen("tcp", addr, reactor.ListenOptions{}, func(*reactor.Conn) reactor.Handler { return echo{} })
	if err != nil {
		_ = loop.Close()
		return err
	}
	fmt.Println("listening on", ln.Addr())

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return loop.Run(ctx) // returns when the connections have drained
}
