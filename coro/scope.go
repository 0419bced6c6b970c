package coro

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Scope is a group of tasks that end together: WithScope returns when all of
// them have. Its methods may be called by tasks of its loop only, and until
// WithScope returns.
//
//	WithScope
//	   |
//	   |-- body          the calling task, inside the scope
//	   |-- Go: task      \
//	   |-- Go: task       > the first error cancels all the others
//	   |     '-- WithScope: a scope inside, cancelled with this one
//	   |-- Daemon: task     cancelled when all of those have ended
//	   v
//	returns the errors, when the body and every task have ended
//
// Cancellation is level-triggered, as in Python's trio: in a cancelled scope
// every operation that may suspend fails, not only the one that was waiting,
// until the scope is left. What has completed stays completed: a read that got
// its bytes before the cancellation returns them.
type Scope struct {
	scope   cancelScope  // the body's and the tasks'
	helpers *cancelScope // the daemons'; nil without any

	children int   // tasks of Go that have not ended
	daemons  int   // those of Daemon
	host     *task // waits for both

	failed  error   // the first error that is only the cancellation's echo
	errs    []error // the others
	dropped int     // errors over maxErrors
}

// maxErrors is how many errors a scope keeps; further ones are counted.
//
// Bound: with one cause, 10 000 tasks can fail for 10 000 reasons.
const maxErrors = 32

// WithScope runs body, waits for every task it spawned, and returns their
// errors and body's: one as it is, several joined. An error of the body or of a
// task cancels the rest, with that error as the cause; errors that only report
// the cancellation are left out. A panic in the body cancels the tasks, waits
// for them, and goes on; what they fail with is logged then.
//
// The waiting is not cut short by a cancellation from outside, since nothing may
// outlive the scope: the tasks are cancelled, and it is for them to end.
//
// ctx is that of the calling task, or one derived from it. Errors of WithScope
// itself, before body is called: ErrNoLoop, ErrNotTask, and the cause of a
// scope that is cancelled, or of a ctx that has ended, already.
func WithScope(ctx context.Context, body func(s *Scope) error) (err error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return err
	}
	if err := t.begin(ctx); err != nil {
		return err
	}
	s := newScope(t.loop(), t.scope, ctx)
	s.scope.owner = t
	if !t.ownContext(ctx) {
		defer s.scope.watch(ctx)()
	}
	t.scope = &s.scope
	returned := false
	defer func() {
		if !returned {
			s.scope.cancel(errBodyLeft)
		}
		s.wait(t)
		t.scope = s.scope.parent
		if err = s.end(); !returned && len(s.errs) > 0 {
			s.scope.loop.log.Error("coro: tasks failed in a scope whose body panicked", "error", err)
		}
	}()
	s.fail(&s.scope, body(s))
	returned = true
	return nil
}

var errBodyLeft = errors.New("coro: the body of the scope panicked, or called runtime.Goexit")

func newScope(l *loop, parent *cancelScope, ctx context.Context) *Scope {
	s := new(Scope)
	s.scope.group = s
	s.scope.open(l, parent, ctx)
	return s
}

// Go spawns a task that runs fn, with a context of the scope. Tasks start in
// the order in which they were spawned, after those that are ready already. In
// a cancelled scope fn still runs, so that its cleanup does; its first operation
// that may suspend fails. Errors: ErrScopeEnded, ErrNotTask, ErrWrongLoop; fn is not
// run then.
func (s *Scope) Go(fn func(ctx context.Context) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	s.scope.loop.spawn(&s.scope, fn, caller(0))
	return nil
}

// Daemon is Go for a task that serves the others, and has no end of its own: a
// heartbeat, a writer of statistics. When the body and all tasks of Go have
// ended, daemons are cancelled, and waited for. An error from before that
// cancels the scope, as a task's does. Errors: those of Go.
func (s *Scope) Daemon(fn func(ctx context.Context) error) error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.helpers == nil {
		s.helpers = &cancelScope{group: s, daemons: true}
		s.helpers.open(s.scope.loop, &s.scope, &s.scope)
	}
	s.scope.loop.spawn(s.helpers, fn, caller(0))
	return nil
}

// errOnlyDaemons is the cause that ends daemons. It never leaves the scope.
var errOnlyDaemons = fmt.Errorf("coro: only daemons are left: %w", context.Canceled)

// Cancel cancels the scope, and the scopes inside it: every operation in it
// that may suspend fails with cause. A nil cause is context.Canceled. The first
// call counts. Errors: those of Go.
func (s *Scope) Cancel(cause error) error {
	if err := s.usable(); err != nil {
		return err
	}
	if cause == nil {
		cause = context.Canceled
	}
	s.scope.cancel(cause)
	return nil
}

func (s *Scope) usable() error {
	switch {
	case s.scope.loop.currentTask() == nil:
		return notATask()
	case s.scope.ended:
		return ErrScopeEnded
	}
	return nil
}

// Context is the context that the scope's tasks get.
func (s *Scope) Context() context.Context { return &s.scope }

// fail takes an error of the body or of a task, which was spawned in the scope
// itself or as a daemon.
func (s *Scope) fail(in *cancelScope, err error) {
	switch {
	case err == nil:
		return
	case s == s.scope.loop.foreign:
		return // a call of a goroutine's, which was told
	case in.cause != nil && isEcho(err, in.cause):
		if s.failed == nil && in.cause != errOnlyDaemons {
			s.failed = err
		}
		if s.scope.cause == nil {
			return // a daemon that was told to end
		}
	case len(s.errs) < maxErrors:
		s.errs = append(s.errs, err)
	default:
		s.dropped++
	}
	s.scope.cancel(err)
}

// isEcho reports whether err says no more than that the scope was cancelled: with
// the cause, or with what a context's Err tells of it. Another panic says more,
// also one with the cause as its value, and so does another timeout. Of joined
// errors each has its say.
func isEcho(err, cause error) bool {
	var panicked *PanicError
	if errors.As(err, &panicked) && !errors.Is(cause, panicked) {
		return false
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || reflect.TypeOf(err).Comparable() && err == cause {
		return errors.Is(err, cause) || errors.Is(err, context.Canceled) ||
			errors.Is(err, contextError(cause)) && !errors.As(err, new(*TimeoutError))
	}
	return !slices.ContainsFunc(joined.Unwrap(), func(one error) bool { return !isEcho(one, cause) })
}

// childEnded counts a task that was spawned in the scope itself or as a daemon,
// and wakes the host if there is something for it to do.
func (s *Scope) childEnded(in *cancelScope, err error) {
	if in.daemons {
		s.daemons--
	} else {
		s.children--
	}
	s.fail(in, err)
	switch {
	case s.children > 0 || in.daemons && s.daemons > 0:
	case s.host != nil:
		s.host.wake(nil)
	case s == s.scope.loop.awaited:
		s.scope.loop.reactor.AfterFunc(0, func() {}) // the turn that is under way must not sleep
	}
}

// wait suspends the host until the last child has ended, and then the last
// daemon.
func (s *Scope) wait(host *task) {
	s.host = host
	for s.children > 0 || s.daemons > 0 {
		if s.children == 0 {
			s.helpers.cancel(errOnlyDaemons)
		}
		_ = host.park(waitChildren)
	}
}

// end closes the scope and gives its error.
func (s *Scope) end() error {
	if s.helpers != nil {
		s.helpers.close()
	}
	s.scope.close()
	if s.dropped > 0 {
		s.errs = append(s.errs, fmt.Errorf("coro: and %d more errors", s.dropped))
	}
	if len(s.errs) == 0 {
		return s.failed
	}
	return joinOne(s.errs...)
}

// currentTaskOf is the task that is calling. The context tells the loop; the
// task is found by identity, so a context that was captured further out does no
// harm.
func currentTaskOf(ctx context.Context) (*task, error) {
	s, ok := ctx.(*cancelScope)
	if !ok {
		if s, ok = ctx.Value(scopeKey{}).(*cancelScope); !ok {
			return nil, ErrNoLoop
		}
	}
	if t := s.loop.currentTask(); t != nil {
		return t, nil
	}
	return nil, ErrNotTask
}
