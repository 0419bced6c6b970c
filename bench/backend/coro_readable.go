package backend

import (
	"context"
	"errors"
	"net"
	"sync"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// serveCoroReadable is weft's tasks for connections that are idle most of their
// life: a handler is called when bytes have come, and between two calls there is
// no coroutine.
func serveCoroReadable(ctx context.Context, c Config) error {
	s := coro.Server{
		Loops:    c.Loops,
		Listen:   coro.ListenConfig{Options: poller.ListenOptions{Backlog: backlog}},
		OnListen: func(addr net.Addr) { c.Ready(addr.String()) },
	}
	err := s.RunReadable(ctx, "tcp", c.Addr, readableHandler(c.Workload))
	if ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil
	}
	return err
}

func readableHandler(w Workload) func(context.Context, net.Conn) error {
	if w == Slow {
		return func(ctx context.Context, c net.Conn) error { return answerSlowMessage(c, offLoop(ctx)) }
	}
	return readableEcho
}

// echoBuffers are lent to handlers while there is something to echo.
var echoBuffers = sync.Pool{New: func() any { return new([loopBuffer]byte) }}

func readableEcho(_ context.Context, c net.Conn) error {
	buf := echoBuffers.Get().(*[loopBuffer]byte)
	defer echoBuffers.Put(buf)
	n, err := c.Read(buf[:])
	if err == nil {
		_, err = c.Write(buf[:n])
	}
	return err
}
