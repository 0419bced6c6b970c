package coro

import (
	"context"
	"errors"

	"github.com/weft-go/weft/reactor"
)

// A connection or a listener may be used from anywhere, and works on its loop.
// Who is not there posts the call, and waits for its end:
//
//	a plain goroutine        on a channel
//	a task of another loop   parked, so that its loop goes on, and two loops
//	                         whose tasks call each other both answer
//	another loop's own       on a channel, and its loop waits with it
//	goroutine

// do runs fn, which must not suspend, on the loop: at once if the caller is
// there, otherwise posted, and waited for.
func (l *loop) do(fn func() error) error {
	if l.onLoop() {
		return fn()
	}
	var err error
	w := newOutsideCall()
	if postErr := l.reactor.Post(func() {
		defer w.finish()
		err = fn()
	}); postErr != nil {
		return postErr
	}
	w.wait()
	return err
}

// asTask runs fn, which may suspend, as a task of the loop while the caller, who
// is no task of it, waits. If that is a task of another loop, the cancellation of
// its scope cancels fn.
func (l *loop) asTask(fn func(*task) error) error {
	if l.onLoop() {
		return ErrNotTask // a callback of the loop: waiting would stop it for ever
	}
	w := newOutsideCall()
	if w.task != nil {
		if err := w.task.checkpoint(); err != nil {
			return err
		}
	}
	c := carried{err: reactor.ErrLoopClosed}
	var scope *cancelScope // of the call, if there is somebody whose end it shares
	if err := l.reactor.Post(func() {
		if l.ended {
			w.finish()
			return
		}
		in := &l.foreign.scope
		if w.task != nil {
			scope = &cancelScope{group: l.foreign}
			scope.open(l, in, in)
			in = scope
		}
		l.spawn(in, func(context.Context) error {
			defer w.finish()
			if scope != nil {
				defer scope.close()
			}
			c.call(func() error { return fn(l.current) })
			return nil
		}, 0)
	}); err != nil {
		return err
	}
	if cause := w.waitFor(); cause != nil {
		l.tell(func() {
			if scope != nil {
				scope.cancel(cause)
			}
		})
		w.wait()
	}
	return c.outcome()
}

// outsideCall is who waits for a call that another loop carries out.
type outsideCall struct {
	done chan struct{} // of a goroutine
	// Of a task: its loop, which alone looks at ended.
	task  *task
	on    *loop
	ended bool
}

func newOutsideCall() *outsideCall {
	t, on := callingLoop()
	if t == nil {
		return &outsideCall{done: make(chan struct{})}
	}
	return &outsideCall{task: t, on: on}
}

// finish is the end of the call, on the loop that has carried it out.
func (w *outsideCall) finish() {
	if w.task == nil {
		close(w.done)
		return
	}
	w.on.tell(func() {
		w.ended = true
		w.task.wake(nil)
	})
}

// wait waits for the end of the call.
func (w *outsideCall) wait() {
	if w.task == nil {
		<-w.done
		return
	}
	for !w.ended {
		_ = w.task.park(waitAnswers)
	}
}

// waitFor is wait, but ends with the cause when the waiting task is cancelled.
func (w *outsideCall) waitFor() (cause error) {
	if w.task == nil {
		<-w.done
		return nil
	}
	if cause = w.task.park(waitCall); w.ended {
		return nil
	}
	return cause
}

// tell is deliver from one loop to another, which must not wait for each other:
// where the queue is full, a goroutine does.
func (l *loop) tell(fn func()) {
	if err := l.reactor.Post(fn); errors.Is(err, reactor.ErrPostQueueFull) {
		go l.deliver(fn)
	}
}
