package coro

import (
	"context"
	"sync/atomic"
)

// home is the loop that an object of the sync kit belongs to: that of the task
// which uses it first, for good. There everything happens on one goroutine, so
// the object has no lock. The zero value belongs to nobody yet.
type home struct {
	loop atomic.Pointer[loop] // two loops may claim it at the same time
}

// task is the calling task, if the object belongs to its loop, or to none so
// far. Errors: ErrNotTask, ErrNoLoop, ErrWrongLoop.
func (h *home) task(ctx context.Context) (*task, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	return t, h.admit(t)
}

// begin is task, and the checkpoint of an operation that may suspend. What
// almost every call finds is looked at here, in one frame.
func (h *home) begin(ctx context.Context) (*task, error) {
	if s, ok := ctx.(*cancelScope); ok {
		l := s.loop
		if l == h.loop.Load() && l.running.Load() == currentG() && l.operations > 0 {
			if t := l.current; t != nil && t.scope == s && s.cause == nil {
				l.operations--
				return t, nil
			}
		}
	}
	return h.beginSlowly(ctx)
}

func (h *home) beginSlowly(ctx context.Context) (*task, error) {
	t, err := h.task(ctx)
	if err != nil {
		return nil, err
	}
	return t, t.begin(ctx)
}

// admit lets a task use the object, or says that it is another loop's.
func (h *home) admit(t *task) error {
	if l := t.loop(); h.loop.Load() != l && !h.loop.CompareAndSwap(nil, l) {
		return ErrWrongLoop
	}
	return nil
}

// caller is the calling task, for what takes no context because it only undoes
// what a task did with one. Errors: ErrNotTask, ErrWrongLoop, and ErrNotOwner for
// an object that nobody has used.
func (h *home) caller() (*task, error) {
	l := h.loop.Load()
	if l == nil {
		return nil, ErrNotOwner
	}
	if t := l.currentTask(); t != nil {
		return t, nil
	}
	return nil, notATask()
}

// notATask is the error for a caller who is no task of the loop that was meant,
// but perhaps one of another loop.
func notATask() error {
	if t, _ := callingLoop(); t != nil {
		return ErrWrongLoop
	}
	return ErrNotTask
}
