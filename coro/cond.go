package coro

import "context"

// Cond is a place where tasks of one loop wait for something to have changed.
// The zero value is ready. It belongs to the loop of the task that uses it first.
//
//	for len(jobs) == 0 {
//		if err := changed.Wait(ctx); err != nil {
//			return err
//		}
//	}
//
// There is no mutex as in sync.Cond: no other task of the loop runs between the
// test and the moment at which Wait has put the task into the queue. After it
// the test is to be made again, for a task that ran earlier may have taken what
// there was.
//
// Errors of its methods: ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Cond struct {
	home    home
	waiting line[struct{}]
	signals uint64
	woken   uint64
}

// CondStats is a look at a Cond.
type CondStats struct {
	Waiting int    // tasks in Wait
	Woken   uint64 // tasks that a Signal or Broadcast has woken
	Signals uint64 // calls of Signal and Broadcast, also those that found nobody
}

// Wait suspends the task until a Signal reaches it, first come, first served, or
// a Broadcast. Errors besides the Cond's: the cause of ctx or of a cancelled
// scope.
func (c *Cond) Wait(ctx context.Context) error {
	t, err := c.home.task(ctx)
	if err != nil {
		return err
	}
	// Order: no begin, which may let other tasks run first. One of them could
	// signal, and the task would miss what it is about to wait for. A cancelled
	// scope is noticed where it would park.
	_, err = c.waiting.wait(ctx, t, waitCond, struct{}{})
	return err
}

// Signal wakes the task that has waited longest. One that was cancelled in the
// same turn, before the signal, is passed over. It never suspends.
func (c *Cond) Signal(ctx context.Context) error {
	if _, err := c.home.task(ctx); err != nil {
		return err
	}
	c.signals++
	if c.waiting.complete(nil) != nil {
		c.woken++
	}
	return nil
}

// Broadcast wakes all tasks that wait, in the order in which they came. It never
// suspends.
func (c *Cond) Broadcast(ctx context.Context) error {
	if _, err := c.home.task(ctx); err != nil {
		return err
	}
	c.signals++
	for c.waiting.complete(nil) != nil {
		c.woken++
	}
	return nil
}

// Stats is a look at the Cond; call it from a task of its loop.
func (c *Cond) Stats() CondStats { return CondStats{c.waiting.len, c.woken, c.signals} }
