package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/child"
)

// stoppedConn is a client that sends one request, and reads nothing until the gate is
// open. Only what a client's task calls is there.
type stoppedConn struct {
	net.Conn
	ctx      context.Context
	request  []byte
	gate     coro.Event
	stopped  bool // a write waits at the gate
	received bytes.Buffer
}

func (c *stoppedConn) Read(p []byte) (int, error) {
	if len(c.request) > 0 {
		n := copy(p, c.request)
		c.request = c.request[n:]
		return n, nil
	}
	return 0, c.wait()
}

func (c *stoppedConn) Write(p []byte) (int, error) {
	if err := c.wait(); err != nil && err != io.EOF {
		return 0, err
	}
	return c.received.Write(p)
}

func (c *stoppedConn) wait() error {
	c.stopped = true
	if err := c.gate.Wait(c.ctx); err != nil {
		return err
	}
	return io.EOF
}

func (c *stoppedConn) Close() error { return nil }

// A client that subscribes to so much that the answers are more than one batch is a
// subscriber like others while they wait to be read: what is published is not lost, and
// not kept without a limit.
func TestRedisClientThatDoesNotReadWhatItHasSubscribedTo(t *testing.T) {
	words := []string{"SUBSCRIBE"}
	for i := range 2 * batchBytes / len(event("subscribe", "c0", ":0\r\n")) {
		words = append(words, fmt.Sprint("c", i))
	}
	for _, messages := range []int{1, 100} {
		err := coro.Run(context.Background(), func(ctx context.Context) error {
			s := newServer(limits{maxBulk: defaultMaxBulk, maxClients: 2})
			conn := &stoppedConn{ctx: ctx, request: []byte(request(words...))}
			slow, publisher := newClient(s, conn), newClient(s, nil)
			return coro.WithScope(ctx, func(scope *coro.Scope) error {
				if err := scope.Go(func(ctx context.Context) error { _ = slow.serve(ctx); return nil }); err != nil {
					return err
				}
				for !conn.stopped {
					if err := coro.Yield(ctx); err != nil {
						return err
					}
				}
				message := strings.Repeat("m", 64<<10)
				heard := 0
				for range messages {
					publisher.out = publisher.out[:0]
					publisher.execute(ctx, [][]byte{[]byte("PUBLISH"), []byte("c0"), []byte(message)})
					if string(publisher.out) == ":1\r\n" {
						heard++
					}
				}
				require.LessOrEqual(t, len(slow.out), subscriberBytes+2*len(message), "bytes kept for a subscriber that reads nothing")
				if err := conn.gate.Set(ctx); err != nil {
					return err
				}
				if messages == 1 {
					require.Equal(t, 1, heard)
					for range 10 { // the task that writes, and the one that waits for it
						if err := coro.Yield(ctx); err != nil {
							return err
						}
					}
					require.True(t, strings.HasSuffix(conn.received.String(), event("message", "c0", bulk(message))), "the message that was published meanwhile has arrived")
				} else {
					require.Less(t, heard, messages, "it is dropped")
				}
				return scope.Cancel(context.Canceled)
			})
		})
		require.NoError(t, err)
	}
}

// A client that ends its side behind the request, as printf and nc do, waits for the
// answers.
func TestRedisSubscriberThatHasEndedItsSideIsAnswered(t *testing.T) {
	addr, _ := child.Start(t)
	for _, c := range []struct{ asks, answer string }{
		{"SUBSCRIBE a\r\n", event("subscribe", "a", ":1\r\n")},
		{"PING\r\nSUBSCRIBE a\r\nPING\r\n", "+PONG\r\n" + event("subscribe", "a", ":1\r\n") + "*2\r\n$4\r\npong\r\n$0\r\n\r\n"},
	} {
		w := dial(t, addr)
		w.sends(c.asks)
		require.NoError(t, w.CloseWrite())
		w.hears(c.answer)
		w.hearsTheEnd()
	}
}
