package coro

import (
	"context"
	"time"

	"github.com/weft-go/weft/reactor"
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
	if err := t.begin(ctx); err != nil {
		return err
	}
	return t.sleep(ctx, d)
}

func (t *task) sleep(ctx context.Context, d time.Duration) error {
	t.setTimer(d)
	err := t.parkUnder(ctx, waitTimer)
	if err != nil {
		t.timer.Stop()
	}
	return err
}

// setTimer makes the task's own timer wake it when d has passed.
func (t *task) setTimer(d time.Duration) {
	if t.timer == nil {
		t.timer = new(reactor.Timer)
		t.timer.Init(t.loop().reactor, (*alarm)(t))
	}
	t.timer.Reset(d)
}

// alarm is a task as what its timer runs.
type alarm task

func (a *alarm) Run() { (*task)(a).wake(nil) }

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
