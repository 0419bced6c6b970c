package coro

import (
	"context"
	"fmt"
	"os"
	"time"
)

// Timeout calls fn, and cancels what fn does once d has passed: every operation
// inside that may suspend fails then with a *TimeoutError, also a plain Read in
// a library that knows of no context, and so do the tasks of scopes inside. It
// returns fn's error as it is. What has completed stays completed: fn may return
// nil although the time is over.
//
// fn is always called; with a d of zero or less, its first operation that may
// suspend fails. A timeout is never early. What fn computes without suspending
// is not interrupted. A panic in fn goes on.
//
// Errors of Timeout itself: ErrNotTask, ErrNoLoop.
func Timeout(ctx context.Context, d time.Duration, fn func(ctx context.Context) error) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	return t.runUntil(ctx, t.loop().reactor.After(d), d <= 0, d, fn)
}

// Deadline is Timeout with a moment. The zero time is one that has passed. One
// beyond the loop's clock, in 292 years, never comes.
func Deadline(ctx context.Context, at time.Time, fn func(ctx context.Context) error) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	end := t.loop().place(at)
	return t.runUntil(ctx, end, end <= t.loop().reactor.OS().Now(), 0, fn)
}

// runUntil calls fn in a scope that is cancelled at a moment on the loop's clock,
// which may have passed.
func (t *task) runUntil(ctx context.Context, at time.Duration, passed bool, limit time.Duration, fn func(context.Context) error) error {
	s := t.nest(ctx)
	s.limit = limit
	s.expireAt(at, passed)
	if ctx != s.parent && !t.ownContext(ctx) {
		defer s.watch(ctx)()
	}
	defer t.leave(s)
	return fn(s)
}

// within lets what the task does until it calls leave take no longer than d.
func (t *task) within(d time.Duration) (leave func()) {
	s := t.nest(t.scope)
	s.expireAfter(d)
	return func() { t.leave(s) }
}

// Shield calls fn and keeps off it every cancellation from around: what fn does
// goes on although the scope has been cancelled, or is cancelled meanwhile; what
// comes after fn is cancelled again. For cleanup that has to talk to somebody.
// It should not take for ever: put a Timeout into it.
//
// The context that fn gets has the values of ctx, and neither its end nor its
// deadline. Errors of Shield itself: ErrNotTask, ErrNoLoop.
func Shield(ctx context.Context, fn func(ctx context.Context) error) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	s := &cancelScope{owner: t, shielded: true}
	s.open(t.loop(), t.scope, ctx)
	t.scope = s
	defer t.leave(s)
	return fn(s)
}

// TimeoutError is what a Timeout, a Deadline or a Dialer's Timeout that has
// passed cancels with. errors.Is takes it for context.DeadlineExceeded and for
// os.ErrDeadlineExceeded.
type TimeoutError struct {
	// Limit is the duration that was given; 0 for a Deadline.
	Limit time.Duration
	// At is the moment that has passed.
	At time.Time
}

func (e *TimeoutError) Error() string {
	if e.Limit > 0 {
		return fmt.Sprintf("coro: timed out after %v", e.Limit)
	}
	return "coro: the deadline " + e.At.Format(time.RFC3339Nano) + " has passed"
}

// Timeout and Temporary report true, as net.Error has it.
func (e *TimeoutError) Timeout() bool   { return true }
func (e *TimeoutError) Temporary() bool { return true }

// Is reports whether target is one of the two errors for a deadline that has
// passed: that of contexts, and that of connections.
func (e *TimeoutError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == os.ErrDeadlineExceeded
}
