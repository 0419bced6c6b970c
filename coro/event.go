package coro

import (
	"context"
	"sync/atomic"
)

// Event is a flag that tasks of one loop wait for. The zero value is not set.
// It belongs to the loop of the task that uses it first; from another loop, or
// from a plain goroutine, its methods return ErrNotTask.
type Event struct {
	loop  atomic.Pointer[loop] // two loops may claim it at the same time
	set   bool
	queue waitQueue
}

// EventStats is a look at an Event.
type EventStats struct {
	Set     bool
	Waiting int // tasks in Wait
}

// Set sets the event and wakes all tasks that wait for it, in the order in which
// they came.
func (e *Event) Set(ctx context.Context) error {
	if _, err := e.task(ctx); err != nil {
		return err
	}
	e.set = true
	for e.queue.wakeOne(nil) {
	}
	return nil
}

// Clear makes later calls of Wait wait again.
func (e *Event) Clear(ctx context.Context) error {
	_, err := e.task(ctx)
	if err == nil {
		e.set = false
	}
	return err
}

// Wait suspends the task until the event is set. Errors: the cause of a
// cancelled scope, ErrNotTask, ErrNoLoop.
func (e *Event) Wait(ctx context.Context) error {
	t, err := e.task(ctx)
	if err != nil {
		return err
	}
	if err := t.begin(ctx); err != nil || e.set {
		return err
	}
	return e.queue.wait(ctx, t)
}

// Stats is a look at the event; call it from a task of its loop.
func (e *Event) Stats() EventStats { return EventStats{e.set, e.queue.len} }

func (e *Event) task(ctx context.Context) (*task, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	if l := t.loop(); e.loop.Load() != l && !e.loop.CompareAndSwap(nil, l) {
		return nil, ErrNotTask
	}
	return t, nil
}
