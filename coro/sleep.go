package coro

import (
	"context"
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
		t.timer = t.loop.reactor.NewTimer(func() { t.wake(nil) })
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
	if cause := t.cancelled(ctx); cause != nil {
		return cause
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

// ownContext reports whether ctx is that of the scope the task is in, whose end
// the scope itself announces.
func (t *task) ownContext(ctx context.Context) bool {
	c, ok := ctx.(*scopeContext)
	return ok && c == t.scope.ctx
}

// enter begins an operation that may suspend, under ctx. If ctx is not that of
// the scope the task is in, but one with a timeout perhaps, the operation gets a
// scope of its own that ends with ctx. The caller leaves it with leave.
func (t *task) enter(ctx context.Context) (leave func(), err error) {
	if err := t.checkpoint(); err != nil {
		return nil, err
	}
	if t.ownContext(ctx) {
		return stay, nil
	}
	s := newScope(t.loop, t.scope, ctx)
	unwatch := s.watch(ctx)
	t.moveTo(s)
	leave = func() {
		unwatch()
		t.moveTo(s.parent)
		_ = s.end() // it had no tasks, so it has no errors
	}
	if s.cause != nil {
		leave()
		return nil, s.cause
	}
	return leave, nil
}

func stay() {}
