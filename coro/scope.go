package coro

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// Scope is a group of tasks that end together: WithScope returns when all of
// them have. Its methods may be called by the scope's own tasks only.
//
//	WithScope
//	   |
//	   |-- body          the calling task, inside the scope
//	   |-- Go: task      \
//	   |-- Go: task       > the first error cancels all the others
//	   |     '-- WithScope: a scope inside, cancelled with this one
//	   v
//	returns the errors, when the body and every task have ended
//
// Cancellation is level-triggered, as in Python's trio: in a cancelled scope
// every operation that may suspend fails, not only the one that was waiting,
// until the scope is left. What has completed stays completed: a read that got
// its bytes before the cancellation returns them.
type Scope struct {
	loop          *loop
	parent        *Scope // nil for the outermost
	ctx           *scopeContext
	cancelContext context.CancelCauseFunc

	tasks    taskList // in it: children, and the task that runs the body
	inner    scopeList
	links    scopeLinks
	children int   // tasks spawned and not ended
	host     *task // waits for the children

	cause   error   // why the scope was cancelled; nil if it was not
	failed  error   // the first error that is only the cancellation's echo
	errs    []error // the others
	dropped int     // errors over maxErrors
	ended   bool
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
	if !t.ownContext(ctx) {
		defer s.watch(ctx)()
	}
	t.moveTo(s)
	returned := false
	defer func() {
		if !returned {
			s.cancel(errBodyLeft)
		}
		s.wait(t)
		t.moveTo(s.parent)
		if err = s.end(); !returned && len(s.errs) > 0 {
			s.loop.log.Error("coro: tasks failed in a scope whose body panicked", "error", err)
		}
	}()
	s.fail(body(s))
	returned = true
	return nil
}

var errBodyLeft = errors.New("coro: the body of the scope panicked, or called runtime.Goexit")

func newScope(l *loop, parent *Scope, ctx context.Context) *Scope {
	s := &Scope{loop: l, parent: parent}
	inner, cancel := context.WithCancelCause(ctx)
	s.ctx, s.cancelContext = &scopeContext{inner, s}, cancel
	if parent != nil {
		parent.inner.add(s)
		s.cause = parent.cause
	}
	return s
}

// watch cancels the scope when a context ends that no scope around it announces:
// one that package context derived from it, with a timeout perhaps. The function
// it returns ends the watch.
func (s *Scope) watch(ctx context.Context) (stop func()) {
	if ctx.Err() != nil {
		s.cancel(context.Cause(ctx))
		return func() {}
	}
	unwatch := context.AfterFunc(ctx, func() {
		s.loop.deliver(func() { s.cancel(context.Cause(ctx)) })
	})
	return func() { unwatch() }
}

// Go spawns a task that runs fn, with a context of the scope. Tasks start in
// the order in which they were spawned, after those that are ready already. In
// a cancelled scope fn still runs, so that its cleanup does; its first operation
// that may suspend fails. Errors: ErrScopeEnded, ErrNotTask; fn is not run then.
func (s *Scope) Go(fn func(ctx context.Context) error) error {
	if s.loop.currentTask() == nil {
		return ErrNotTask
	}
	if s.ended {
		return ErrScopeEnded
	}
	s.loop.spawn(s, fn, caller(0))
	return nil
}

// Cancel cancels the scope, and the scopes inside it: every operation in it
// that may suspend fails with cause. A nil cause is context.Canceled. The first
// call counts. Errors: ErrScopeEnded, ErrNotTask.
func (s *Scope) Cancel(cause error) error {
	if s.loop.currentTask() == nil {
		return ErrNotTask
	}
	if s.ended {
		return ErrScopeEnded
	}
	if cause == nil {
		cause = context.Canceled
	}
	s.cancel(cause)
	return nil
}

// Context is the context that the scope's tasks get.
func (s *Scope) Context() context.Context { return s.ctx }

func (s *Scope) cancel(cause error) {
	if s.cause != nil {
		return
	}
	s.cause = cause
	s.cancelContext(cause)
	for t := s.tasks.first; t != nil; t = t.links.next {
		t.interrupt(cause)
	}
	for inner := s.inner.first; inner != nil; inner = inner.links.next {
		inner.cancel(cause)
	}
}

// fail takes an error of the body or of a task.
func (s *Scope) fail(err error) {
	switch {
	case err == nil:
		return
	case s.cause != nil && isEcho(err, s.cause):
		if s.failed == nil {
			s.failed = err
		}
	case len(s.errs) < maxErrors:
		s.errs = append(s.errs, err)
	default:
		s.dropped++
	}
	s.cancel(err)
}

// isEcho reports whether err says no more than that the scope was cancelled. A
// panic always says more, and of joined errors each has its say.
func isEcho(err, cause error) bool {
	if errors.As(err, new(*PanicError)) {
		return false
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || reflect.TypeOf(err).Comparable() && err == cause {
		return errors.Is(err, cause) || errors.Is(err, context.Canceled)
	}
	return !slices.ContainsFunc(joined.Unwrap(), func(one error) bool { return !isEcho(one, cause) })
}

func (s *Scope) childEnded(err error) {
	s.children--
	s.fail(err)
	switch {
	case s.children > 0:
	case s.host != nil:
		s.host.wake(nil)
	case s == s.loop.awaited:
		s.loop.reactor.AfterFunc(0, func() {}) // the turn that is under way must not sleep
	}
}

// wait suspends the host until the last child has ended.
func (s *Scope) wait(host *task) {
	s.host = host
	for s.children > 0 {
		_ = host.park(waitChildren)
	}
}

// end closes the scope and gives its error.
func (s *Scope) end() error {
	s.ended = true
	if s.parent != nil {
		s.parent.inner.remove(s)
	}
	s.cancelContext(s.cause) // releases what hangs on the context
	if s.dropped > 0 {
		s.errs = append(s.errs, fmt.Errorf("coro: and %d more errors", s.dropped))
	}
	if len(s.errs) == 0 {
		return s.failed
	}
	return joinOne(s.errs...)
}

// scopeContext is the context of a scope's tasks: one of package context, which
// knows its scope.
type scopeContext struct {
	context.Context
	scope *Scope
}

type scopeKey struct{}

// Value gives the scope to currentTaskOf, also through contexts derived from
// this one.
func (c *scopeContext) Value(key any) any {
	if _, ok := key.(scopeKey); ok {
		return c.scope
	}
	return c.Context.Value(key)
}

// currentTaskOf is the task that is calling. The context tells the loop; the
// task is found by identity, so a context that was captured further out does no
// harm.
func currentTaskOf(ctx context.Context) (*task, error) {
	var s *Scope
	if c, ok := ctx.(*scopeContext); ok {
		s = c.scope
	} else if s, ok = ctx.Value(scopeKey{}).(*Scope); !ok {
		return nil, ErrNoLoop
	}
	if t := s.loop.currentTask(); t != nil {
		return t, nil
	}
	return nil, ErrNotTask
}

// moveTo makes s the task's innermost scope.
func (t *task) moveTo(s *Scope) {
	t.scope.tasks.remove(t)
	t.scope = s
	s.tasks.add(t)
}

// taskList and scopeList are doubly linked lists through their members.
type (
	taskList   struct{ first *task }
	taskLinks  struct{ next, prev *task }
	scopeList  struct{ first *Scope }
	scopeLinks struct{ next, prev *Scope }
)

func (l *taskList) add(t *task) {
	t.links = taskLinks{next: l.first}
	if l.first != nil {
		l.first.links.prev = t
	}
	l.first = t
}

func (l *taskList) remove(t *task) {
	if t.links.prev != nil {
		t.links.prev.links.next = t.links.next
	} else {
		l.first = t.links.next
	}
	if t.links.next != nil {
		t.links.next.links.prev = t.links.prev
	}
	t.links = taskLinks{}
}

func (l *scopeList) add(s *Scope) {
	s.links = scopeLinks{next: l.first}
	if l.first != nil {
		l.first.links.prev = s
	}
	l.first = s
}

func (l *scopeList) remove(s *Scope) {
	if s.links.prev != nil {
		s.links.prev.links.next = s.links.next
	} else {
		l.first = s.links.next
	}
	if s.links.next != nil {
		s.links.next.links.prev = s.links.prev
	}
	s.links = scopeLinks{}
}
