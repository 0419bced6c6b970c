package coro

import "context"

// Event is a flag that tasks of one loop wait for. The zero value is not set.
// It belongs to the loop of the task that uses it first. Errors of its methods:
// ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Event struct {
	home    home
	set     bool
	waiting line[struct{}]
}

// EventStats is a look at an Event.
type EventStats struct {
	Set     bool
	Waiting int // tasks in Wait
}

// Set sets the event and wakes all tasks that wait for it, in the order in which
// they came.
func (e *Event) Set(ctx context.Context) error {
	if _, err := e.home.task(ctx); err != nil {
		return err
	}
	e.set = true
	e.waiting.completeAll(nil)
	return nil
}

// Clear makes later calls of Wait wait again.
func (e *Event) Clear(ctx context.Context) error {
	_, err := e.home.task(ctx)
	if err == nil {
		e.set = false
	}
	return err
}

// Wait suspends the task until the event is set. Errors besides the Event's: the
// cause of ctx or of a cancelled scope.
func (e *Event) Wait(ctx context.Context) error {
	t, err := e.home.begin(ctx)
	if err != nil || e.set {
		return err
	}
	_, err = e.waiting.wait(ctx, t, waitQueued, struct{}{})
	return err
}

// Stats is a look at the event; call it from a task of its loop.
func (e *Event) Stats() EventStats { return EventStats{e.set, e.waiting.len} }

// WaitCase is the case that the event is set.
func (e *Event) WaitCase() Case { return Case{kind: caseObject, of: e} }

func (e *Event) at() *home               { return &e.home }
func (e *Event) poll() (bool, error)     { return e.set, nil }
func (e *Event) join(t *task) any        { return e.waiting.join(t, struct{}{}) }
func (e *Event) leave(w any) (done bool) { _, done = e.waiting.leave(w.(*waiter)); return done }
