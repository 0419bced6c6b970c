package coro

import (
	"context"
	"runtime/trace"
)

// Chan carries values from tasks to tasks of one loop, first in, first out. The
// zero value is an unbuffered one. It belongs to the loop of the task that uses
// it first; for values from elsewhere there is Inbox. A nil Chan can be used in
// a Case of Select only, which is never ready.
//
//	Send --> [ sender | sender ] --> [ v | v | v ] --> [ receiver | receiver ] --> Recv
//	         wait for room           the buffer        wait for a value
//
// Receivers wait only for an empty buffer, senders only for a full one, so there
// are never both; except that a Select may wait for both directions of an
// unbuffered Chan, and is not its own partner.
//
// A value is handed over, not announced: a Send or Recv that waited is complete
// when its partner comes, before its task runs again. No newcomer can come
// between, and a cancellation that comes later does not undo it. A cancelled Send
// has sent nothing, a cancelled Recv has received nothing.
//
// Errors of its methods: ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Chan[T any] struct {
	home      home
	buffer    ring[T]
	capacity  int
	senders   line[T] // each with its value
	receivers line[T] // each with a place for one
	closed    bool
	sent      uint64
	received  uint64
}

// ChanStats is a look at a Chan. Sent is Received and Len together.
type ChanStats struct {
	Len, Cap         int
	Closed           bool
	SendersWaiting   int
	ReceiversWaiting int
	Sent             uint64 // values taken from senders
	Received         uint64 // values given to receivers
}

// NewChan makes a Chan that holds up to capacity values for which there is no
// receiver yet; with 0, Send waits for one. It panics if capacity is negative.
func NewChan[T any](capacity int) *Chan[T] {
	if capacity < 0 {
		panic("coro: NewChan with a negative capacity")
	}
	return &Chan[T]{capacity: capacity}
}

// Send gives v to a receiver, or puts it into the buffer; it suspends the task
// until one of the two can be done. Errors besides the Chan's: ErrChanClosed, the
// cause of ctx or of a cancelled scope. With an error, v was not sent.
func (c *Chan[T]) Send(ctx context.Context, v T) error {
	t, err := c.home.begin(ctx)
	if err != nil {
		return err
	}
	if c.closed {
		return ErrChanClosed
	}
	if c.offer(v) {
		return nil
	}
	if !t.ownContext(ctx) {
		_, err = c.senders.wait(ctx, t, waitSend, v)
		return err
	}
	w := c.senders.join(t, v)
	if err = t.prepare(waitSend); err == nil {
		if trace.IsEnabled() {
			t.yieldTraced(waitSend)
		} else {
			t.yield(struct{}{})
		}
		err = t.resumed()
	}
	c.senders.leave(w)
	return err
}

// Recv gives the oldest value; it suspends the task until there is one. Errors
// besides the Chan's: ErrChanClosed when there will be none, the cause of ctx or
// of a cancelled scope.
func (c *Chan[T]) Recv(ctx context.Context) (T, error) {
	var v T
	t, err := c.home.begin(ctx)
	if err != nil {
		return v, err
	}
	if c.take(&v) {
		return v, nil
	}
	if c.closed {
		return v, ErrChanClosed
	}
	if !t.ownContext(ctx) {
		return c.receivers.wait(ctx, t, waitReceive, v)
	}
	w := c.receivers.join(t, v)
	if err = t.prepare(waitReceive); err == nil {
		if trace.IsEnabled() {
			t.yieldTraced(waitReceive)
		} else {
			t.yield(struct{}{})
		}
		err = t.resumed()
	}
	v, _ = c.receivers.leave(w)
	return v, err
}

// TrySend is Send if that need not wait, and reports whether it was done. It
// never suspends, so it works in a cancelled scope too. Errors besides the
// Chan's: ErrChanClosed.
func (c *Chan[T]) TrySend(ctx context.Context, v T) (bool, error) {
	if _, err := c.home.task(ctx); err != nil {
		return false, err
	}
	if c.closed {
		return false, ErrChanClosed
	}
	return c.offer(v), nil
}

// TryRecv is Recv if that need not wait, and reports whether there was a value.
// It never suspends, so it works in a cancelled scope too. Errors besides the
// Chan's: ErrChanClosed when there will be none.
func (c *Chan[T]) TryRecv(ctx context.Context) (v T, ok bool, err error) {
	if _, err := c.home.task(ctx); err != nil {
		return v, false, err
	}
	if c.take(&v) {
		return v, true, nil
	}
	if c.closed {
		return v, false, ErrChanClosed
	}
	return v, false, nil
}

// Close ends the sending: receivers get what is in the buffer, and then
// ErrChanClosed; senders, those that wait included, get ErrChanClosed. It never
// suspends. Errors besides the Chan's: ErrChanClosed from the second call on.
func (c *Chan[T]) Close(ctx context.Context) error {
	if _, err := c.home.task(ctx); err != nil {
		return err
	}
	if c.closed {
		return ErrChanClosed
	}
	c.closed = true
	c.senders.completeAll(ErrChanClosed)
	c.receivers.completeAll(ErrChanClosed)
	return nil
}

// Len is how many values are in the buffer. Call it, Cap and Stats from a task
// of the Chan's loop.
func (c *Chan[T]) Len() int { return c.buffer.len }

// Cap is how many values the buffer holds at most.
func (c *Chan[T]) Cap() int { return c.capacity }

// Stats is a look at the Chan.
func (c *Chan[T]) Stats() ChanStats {
	return ChanStats{
		Len: c.buffer.len, Cap: c.capacity, Closed: c.closed,
		SendersWaiting: c.senders.len, ReceiversWaiting: c.receivers.len,
		Sent: c.sent, Received: c.received,
	}
}

// offer sends v if there is a receiver or room, and reports whether.
func (c *Chan[T]) offer(v T) bool {
	if w := c.receivers.complete(nil); w != nil {
		w.value = v
		c.received++
	} else if c.buffer.len < c.capacity {
		c.buffer.push(v, c.capacity)
	} else {
		return false
	}
	c.sent++
	return true
}

// take receives into v if there is a value, and reports whether. The sender that
// has waited longest gets the place in the buffer, or is the one received from.
func (c *Chan[T]) take(v *T) bool {
	if c.buffer.len > 0 {
		*v = c.buffer.pop()
		if w := c.senders.complete(nil); w != nil {
			c.buffer.push(w.value, c.capacity)
			c.sent++
		}
	} else if w := c.senders.complete(nil); w != nil {
		*v = w.value
		c.sent++
	} else {
		return false
	}
	c.received++
	return true
}
