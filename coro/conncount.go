package coro

import (
	"sync/atomic"

	"github.com/weft-go/weft/reactor"
)

// connCount holds the connections of a Serve, on one loop or several, to its
// limit. One task accepts; connections end on any of the loops. A nil connCount
// has no limit.
type connCount struct {
	limit    int64
	policy   reactor.LimitPolicy
	acceptor *server // whose task waits for room
	open     atomic.Int64
	paused   atomic.Bool // it waits, or is about to
}

// room suspends the accepting task while there is no room, if that is the
// policy.
//
// Order: paused is set before the count is looked at again, and leave does the
// contrary, so that one of the two sees the other.
func (c *connCount) room(t *task) error {
	if c == nil || c.policy == reactor.AcceptAndClose {
		return nil
	}
	for c.open.Load() >= c.limit {
		c.paused.Store(true)
		if c.open.Load() < c.limit {
			break
		}
		if err := c.acceptor.waiting.wait(t.scope, t); err != nil {
			return err
		}
	}
	c.paused.Store(false)
	return nil
}

// enter counts a connection, and reports whether it may stay.
func (c *connCount) enter() bool {
	if c == nil {
		return true
	}
	if c.open.Add(1) > c.limit {
		c.open.Add(-1)
		return false
	}
	return true
}

// leave counts one that has ended. Any of the loops may call it.
func (c *connCount) leave() {
	if c == nil {
		return
	}
	c.open.Add(-1)
	if !c.paused.Swap(false) {
		return
	}
	wake := func() { c.acceptor.waiting.wakeOne(nil) }
	if l := c.acceptor.loop; l.onLoop() {
		wake()
	} else {
		l.deliver(wake)
	}
}
