package coro

import (
	"context"
	"os"
	"time"
)

// Sleep suspends the task for d, never less; other tasks run. Errors: the cause
// of ctx or of a cancelled scope, ErrNotTask, ErrNoLoop.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return Yield(ctx)
	}
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	leave, err := t.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	return t.sleep(d)
}

func (t *task) sleep(d time.Duration) error {
	if t.timer == nil {
		t.timer = t.loop().reactor.NewTimer(func() { t.wake(nil) })
	}
	t.timer.Reset(d)
	err := t.park(waitTimer)
	if err != nil {
		t.timer.Stop()
	}
	return err
}

// Yield lets every task that is ready run before this one goes on. Errors: as
// those of Sleep.
func Yield(ctx context.Context) error {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	if err := t.cancelled(ctx); err != nil {
		return err
	}
	t.pass()
	return t.cancelled(ctx)
}

// cancelled is why an operation under ctx must not begin, or nil.
func (t *task) cancelled(ctx context.Context) error {
	if t.scope.cause != nil {
		return t.scope.cause
	}
	if t.ownContext(ctx) || ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// ownContext reports whether ctx ends with a scope the task is in, be it the
// innermost one or one around it, which announces its end itself. A context
// derived with a value is as good.
func (t *task) ownContext(ctx context.Context) bool {
	c, ok := ctx.(*scopeContext)
	if !ok {
		s, found := ctx.Value(scopeKey{}).(*Scope)
		if !found || s.ctx.Done() != ctx.Done() {
			return false
		}
		c = s.ctx
	}
	for s := t.scope; s != nil; s = s.parent {
		if s.ctx == c {
			return true
		}
	}
	return false
}

// begin is the checkpoint of an operation under ctx.
func (t *task) begin(ctx context.Context) error {
	if err := t.checkpoint(); err != nil {
		return err
	}
	return t.cancelled(ctx)
}

// enter begins an operation that may suspend, under ctx. If ctx is not that of a
// scope the task is in, but one with a timeout perhaps, the operation gets a scope
// of its own that ends with ctx. The caller leaves it with leave.
func (t *task) enter(ctx context.Context) (leave func(), err error) {
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	if t.ownContext(ctx) {
		return stay, nil
	}
	s := newScope(t.loop(), t.scope, ctx)
	unwatch := s.watch(ctx)
	t.moveTo(s)
	return func() { unwatch(); t.leave(s) }, nil
}

func stay() {}

// within lets what the task does until it calls leave take no longer than d.
func (t *task) within(d time.Duration) (leave func()) {
	s := newScope(t.loop(), t.scope, t.scope.ctx)
	timer := s.loop.reactor.AfterFunc(d, func() { s.cancel(os.ErrDeadlineExceeded) })
	t.moveTo(s)
	return func() { timer.Stop(); t.leave(s) }
}

// leave is the end of a scope that only had the task itself in it.
func (t *task) leave(s *Scope) {
	t.moveTo(s.parent)
	_ = s.end() // it had no tasks, so it has no errors
}
