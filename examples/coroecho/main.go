// Coroecho is an echo server as straight-line code: one task for each
// connection, all of them on one event loop.
//
//	go run ./examples/coroecho -addr 127.0.0.1:7000
//	nc 127.0.0.1 7000
//
// It is the third step of the ladder. Compare examples/echo: the callbacks are
// gone, and what OnData, OnEOF and OnClose said is one call of io.Copy.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
)

// echo would serve a goroutine and a *net.TCPConn just as well: it knows
// nothing of the loop.
func echo(_ context.Context, c net.Conn) error {
	_, err := io.Copy(c, c)
	return err
}

func main() { cli.Main("coroecho", serve) }

func serve(addr string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := coro.Run(ctx, func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		fmt.Println("listening on", ln.Addr())
		return coro.Serve(ctx, ln, echo)
	})
	if errors.Is(err, context.Canceled) { // the signal
		return nil
	}
	return err
}
