package coro

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/reactor"
)

// cancelScope is a part of the program that can be cancelled: the body of a
// WithScope, a Timeout, a Deadline, a Shield, and the tasks in it. The scopes of
// a loop form a tree. Every task is in exactly one, its innermost.
//
//	root
//	 |-- main                 a task
//	 '-- WithScope            cancelled: everything below is, too,
//	      |-- task
//	      |-- Timeout         but for what is
//	      |    '-- task
//	      '-- Shield          in here
//	           '-- task
//
// It is also the context.Context of its tasks (context.go), so that a scope is
// one allocation.
//
// Who may touch what: everything belongs to the loop, except for over, std and
// the fields that never change, which contexts read from any goroutine.
type cancelScope struct {
	loop   *loop
	parent *cancelScope    // nil for the outermost
	outer  context.Context // under which it was made: for values and deadlines
	group  *Scope          // whose tasks can be spawned here; nil if none can
	owner  *task           // that runs the body; nil for the outermost

	tasks taskList // spawned in it, wherever they are now
	inner scopeList
	links scopeLinks

	cause error                      // why it was cancelled; nil if it was not
	over  atomic.Pointer[error]      // the same for other goroutines, or that it has ended
	std   atomic.Pointer[stdContext] // made when somebody asks

	deadline time.Duration // its own or the watched context's, on the loop's clock; 0 is none
	limit    time.Duration // the duration that Timeout was given
	timer    reactor.Timer // of a deadline that has not passed yet

	shielded bool // not cancelled with its parent
	daemons  bool // its tasks are the group's daemons
	ended    bool // its function has returned

	session *session // of Serve's, whose scope this is; or nil
}

// open makes s a scope under ctx, the innermost one of its owner, if it has
// one. The caller has set what is special about it.
func (s *cancelScope) open(l *loop, parent *cancelScope, ctx context.Context) {
	s.loop, s.parent, s.outer = l, parent, ctx
	if parent == nil {
		return
	}
	parent.inner.add(s)
	if !s.shielded && parent.cause != nil {
		s.cancel(parent.cause)
	}
}

// close ends the scope, whose tasks have all left.
func (s *cancelScope) close() {
	s.timer.Stop()
	s.ended = true
	if s.parent != nil {
		s.parent.inner.remove(s)
	}
	s.publish(&errLeft) // releases what hangs on the context
}

// errLeft is the end of a context whose scope was left without having been
// cancelled.
var errLeft = context.Canceled

// cancel cancels the scope and those inside it: first its tasks, in the order in
// which they came, then the scopes in theirs. The first cause counts, and if a
// context has told the goroutines one already, that is the first.
func (s *cancelScope) cancel(cause error) {
	if s.cause != nil {
		return
	}
	s.cause = cause
	s.publish(&s.cause)
	if first := s.over.Load(); first != &s.cause {
		s.cause = *first
	}
	if s.owner != nil && s.owner.scope == s {
		s.owner.interrupt(s.cause)
	}
	for t := s.tasks.first; t != nil; t = t.links.next {
		if t.scope == s { // or it is further in, perhaps behind a shield
			t.interrupt(s.cause)
		}
	}
	for inner := s.inner.first; inner != nil; inner = inner.links.next {
		if !inner.shielded {
			inner.cancel(s.cause)
		}
	}
}

// expireAt cancels the scope at a moment on the loop's clock: at once if it has
// passed, and never if it is the end of the clock.
func (s *cancelScope) expireAt(at time.Duration, passed bool) {
	s.deadline = asDeadline(at)
	if passed {
		s.expire()
		return
	}
	s.timer.Init(s.loop.reactor, (*expiry)(s))
	s.timer.ResetAt(at)
}

// expireAfter cancels the scope once d has passed.
func (s *cancelScope) expireAfter(d time.Duration) {
	s.limit = d
	s.expireAt(s.loop.reactor.After(d), d <= 0)
}

// expiry is a scope as what its timer runs.
type expiry cancelScope

func (e *expiry) Run() { (*cancelScope)(e).expire() }

func (s *cancelScope) expire() {
	s.cancel(&TimeoutError{Limit: s.limit, At: s.loop.moment(s.deadline)})
}

// place is a moment as a deadline on the loop's clock, which may have begun after
// it. What the clock cannot express is its first or its last moment.
func (l *loop) place(at time.Time) time.Duration {
	return asDeadline(at.Sub(l.reactor.OS().Epoch()))
}

// moment is the contrary of place.
func (l *loop) moment(at time.Duration) time.Time {
	if at == math.MinInt64 {
		return time.Time{} // of the times that are so long ago, the one that is used
	}
	return l.reactor.OS().Epoch().Add(at)
}

// asDeadline is a moment on the loop's clock, but for 0, which is none.
func asDeadline(at time.Duration) time.Duration {
	if at == 0 {
		return -1
	}
	return at
}

// watch cancels the scope when a context ends that no scope around it announces:
// one that package context derived from it, with a timeout perhaps, or the one
// that Run was given. The function it returns ends the watch.
func (s *cancelScope) watch(ctx context.Context) (stop func() bool) {
	if deadline, ok := ctx.Deadline(); ok {
		if at := s.loop.place(deadline); s.deadline == 0 || at < s.deadline {
			s.deadline = at
		}
	}
	if ctx.Err() != nil {
		s.cancel(context.Cause(ctx))
		return func() bool { return true }
	}
	return context.AfterFunc(ctx, func() {
		cause := context.Cause(ctx)
		s.publish(&cause) // a task that computes can see it in its ctx
		s.loop.deliver(func() { s.cancel(cause) })
	})
}

// nest puts the task into a new scope of its own, which leave ends.
func (t *task) nest(ctx context.Context) *cancelScope {
	s := &cancelScope{owner: t}
	s.open(t.loop(), t.scope, ctx)
	t.scope = s
	return s
}

// leave is the end of a scope that only had the task itself in it.
func (t *task) leave(s *cancelScope) {
	t.scope = s.parent
	s.close()
}

// taskList and scopeList are doubly linked lists through their members, in the
// order in which they were added.
type (
	taskList   struct{ first, last *task }
	taskLinks  struct{ next, prev *task }
	scopeList  struct{ first, last *cancelScope }
	scopeLinks struct{ next, prev *cancelScope }
)

func (l *taskList) add(t *task) {
	t.links = taskLinks{prev: l.last}
	if l.last != nil {
		l.last.links.next = t
	} else {
		l.first = t
	}
	l.last = t
}

func (l *taskList) remove(t *task) {
	if t.links.prev != nil {
		t.links.prev.links.next = t.links.next
	} else {
		l.first = t.links.next
	}
	if t.links.next != nil {
		t.links.next.links.prev = t.links.prev
	} else {
		l.last = t.links.prev
	}
	t.links = taskLinks{}
}

func (l *scopeList) add(s *cancelScope) {
	s.links = scopeLinks{prev: l.last}
	if l.last != nil {
		l.last.links.next = s
	} else {
		l.first = s
	}
	l.last = s
}

func (l *scopeList) remove(s *cancelScope) {
	if s.links.prev != nil {
		s.links.prev.links.next = s.links.next
	} else {
		l.first = s.links.next
	}
	if s.links.next != nil {
		s.links.next.links.prev = s.links.prev
	} else {
		l.last = s.links.prev
	}
	s.links = scopeLinks{}
}
