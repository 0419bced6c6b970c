package main

import (
	"context"
	"io"
	"net"

	"github.com/weft-go/weft/coro"
)

// client is one connection. Its task reads what has arrived, executes every
// command in it, writes all answers at once, and reads again. A pipeline of 16
// commands is one read and one write.
type client struct {
	server   *server
	conn     net.Conn
	id       uint64
	name     string
	state    clientState
	in       parser
	out      reply               // answers that are not written yet; see output.go
	writer   *writer             // a subscriber's second task
	channels map[string]struct{} // that it has subscribed to
}

// clientState is what the connection is used for.
//
//	asking --SUBSCRIBE--> subscribing --a second task--> subscribed --> dropped
//	   |                                                     |    too slow
//	   '-------QUIT, an error in the protocol------------> leaving
//
// A client that has unsubscribed from everything may use all commands again, and
// keeps its second task.
type clientState uint8

const (
	clientAsking clientState = iota
	clientSubscribing
	clientSubscribed
	clientLeaving // gets what is in out, and no more
	clientDropped // is closed already
)

func (s clientState) String() string {
	return [...]string{"asking", "subscribing", "subscribed", "leaving", "dropped"}[s]
}

// executes reports whether the next command is to be executed.
func (s clientState) executes() bool { return s == clientAsking || s == clientSubscribed }

func newClient(s *server, conn net.Conn) *client {
	return &client{server: s, conn: conn, id: s.stats.connections, in: parser{maxBulk: s.limits.maxBulk}}
}

// serve is the connection's life.
func (c *client) serve(ctx context.Context) error {
	err := c.converse(ctx)
	if err == nil && c.state == clientSubscribing {
		c.state, c.writer = clientSubscribed, &writer{client: c}
		err = coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Daemon(c.writer.run); err != nil {
				return err
			}
			return c.converse(ctx)
		})
	}
	if c.state == clientDropped {
		return nil // PUBLISH has counted it
	}
	return err
}

// converse answers requests until the client is gone, or is to be a subscriber.
func (c *client) converse(ctx context.Context) error {
	for {
		if err := c.executeAll(ctx); err != nil || c.state == clientSubscribing {
			return err
		}
		if c.state == clientLeaving {
			return c.leave(ctx)
		}
		if err := c.flush(ctx); err != nil {
			return err
		}
		c.out = c.out.withoutExcess()
		n, err := c.conn.Read(c.in.room())
		if err == io.EOF {
			return c.finish(ctx) // half a request, perhaps, goes with it
		}
		if err != nil {
			return err
		}
		c.in.filled(n)
	}
}

// executeAll executes the requests that have arrived completely.
//
// Order: who has just subscribed gets a second task before anything is written. While
// the first one waits in a write, nobody would look at what PUBLISH adds.
func (c *client) executeAll(ctx context.Context) error {
	for c.state.executes() {
		request, err := c.in.next()
		if err != nil {
			c.out.fail("ERR Protocol error: " + err.Error())
			c.state = clientLeaving
			break
		}
		if request == nil {
			break
		}
		c.execute(ctx, request)
		if c.state != clientSubscribing && len(c.out) >= batchBytes {
			if err := c.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
