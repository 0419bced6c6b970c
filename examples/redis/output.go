package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/coro"
)

// Answers are collected in a buffer, out, and written when there is nothing more
// to execute, or enough to write.
//
//	asking       execute --> out --> Write             by the client's own task
//	subscribed   execute --> out --> Write             by its second task
//	             PUBLISH ----^
//
// A client that sends and does not read stops its own task, in Write, and with
// it what it sends: the kernel's buffers fill up, and TCP slows it down. What a
// subscriber gets is made by others, who are not to wait for it. It is dropped
// when too much is waiting.

// batchBytes is from where on answers are written before the next request is
// executed.
//
// Bound: a client that never reads holds this, one answer (a value, or all
// keys), and what it has sent and was not executed yet.
const batchBytes = 64 << 10

// subscriberBytes is from where on a subscriber that gets one more message is
// dropped.
//
// Bound: it holds this and one message.
const subscriberBytes = 1 << 20

// keptBytes is the largest buffer that a connection keeps when it is empty.
//
// Bound: 10 000 clients, each of which got a large answer once, keep 160 MB.
const keptBytes = 16 << 10

// lingerTime is how long the end of a connection waits for the client's.
//
// Bound: a client that goes on sending does so for this time, into nothing.
const lingerTime = time.Second

// flush writes the answers. A subscriber's are left to its second task, unless
// there are many.
func (c *client) flush(ctx context.Context) error {
	if c.writer != nil {
		return c.writer.flush(ctx, batchBytes)
	}
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.conn.Write(c.out)
	c.out = c.out[:0]
	return err
}

// finish writes what there is, all of it.
func (c *client) finish(ctx context.Context) error {
	c.server.unsubscribeAll(c) // or the rest would never be all
	if c.writer != nil {
		return c.writer.flush(ctx, 0)
	}
	return c.flush(ctx)
}

// leave writes what there is, and ends the connection in such a way that it
// arrives: closing a socket with unread bytes makes the kernel send a reset, which
// overtakes the last answer, the error for which the connection ends.
func (c *client) leave(ctx context.Context) error {
	if err := c.finish(ctx); err != nil {
		return err
	}
	if tcp, ok := c.conn.(*coro.Conn); !ok || tcp.CloseWrite() != nil {
		return nil
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(lingerTime)); err != nil {
		return nil
	}
	c.in.reset()
	for {
		if _, err := c.conn.Read(c.in.room()); err != nil {
			return nil
		}
	}
}

// writer is the second task of a subscriber.
type writer struct {
	client  *client
	spare   reply     // the buffer that is not the client's out
	writing int       // bytes that are being written
	news    coro.Cond // out is not empty
	written coro.Cond // a write has ended
}

// pending is how many bytes wait for the client, those that are being written
// included.
func (w *writer) pending() int { return len(w.client.out) + w.writing }

// run writes until the client is gone. Its error ends the client's first task
// too.
func (w *writer) run(ctx context.Context) error {
	c := w.client
	for {
		for len(c.out) == 0 {
			if err := w.news.Wait(ctx); err != nil {
				return err
			}
		}
		batch := c.out
		c.out, w.writing = w.spare, len(batch)
		_, err := c.conn.Write(batch)
		w.spare, w.writing = batch[:0].withoutExcess(), 0
		if err != nil {
			return err
		}
		if err := w.written.Broadcast(ctx); err != nil {
			return err
		}
	}
}

// flush wakes the task, and waits until there is no more than most.
func (w *writer) flush(ctx context.Context, most int) error {
	if len(w.client.out) > 0 {
		if err := w.news.Signal(ctx); err != nil {
			return err
		}
	}
	for w.pending() > most {
		if err := w.written.Wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// push is a message of somebody else for a subscriber, and reports whether it is
// on its way. It never waits. The policy for a slow reader, in one place: it is
// closed.
func (c *client) push(ctx context.Context, channel, message []byte) bool {
	if c.state == clientDropped {
		return false // its tasks have not found out yet
	}
	if c.writer != nil && c.writer.pending() >= subscriberBytes {
		c.state = clientDropped
		c.server.stats.dropped++
		_ = c.conn.Close() // both tasks find it closed, and end
		return false
	}
	c.out.array(3)
	c.out.bulkString("message")
	c.out.bulk(channel)
	c.out.bulk(message)
	return c.writer == nil || // it is about to have one
		c.writer.news.Signal(ctx) == nil
}
