package coro

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// The context of a task is its scope. Most tasks only hand it on, so a context
// of package context, with its channel, is made when somebody asks for what
// takes one: Done, or a context derived from this one.
//
//	ctx of a Timeout    *cancelScope        Err, Deadline and Value at once
//	     |
//	     | Done, context.WithCancel(ctx), context.AfterFunc(ctx, ...)
//	     v
//	*stdContext ------> a context of package context, the child of an origin:
//	                    ended by the scope, or by the stdContext of the scope
//	                    around it
//
// Any goroutine may call its methods, at any time.

// Deadline is the earliest one of what ends the scope: its own, that of a context
// of package context under which it was made, and those of the scopes around it,
// up to a Shield.
func (s *cancelScope) Deadline() (deadline time.Time, ok bool) {
	earliest := time.Duration(0)
	for around := s; around != nil; around = around.parent {
		if at := around.deadline; at != 0 && (earliest == 0 || at < earliest) {
			earliest = at
		}
		if around.shielded {
			break
		}
	}
	if earliest == 0 {
		return time.Time{}, false
	}
	return s.loop.moment(earliest), true
}

// Done is closed when the scope is cancelled or left.
func (s *cancelScope) Done() <-chan struct{} { return s.materialise().Done() }

// Err is context.DeadlineExceeded once a Timeout or a Deadline has passed, of
// this scope or of the one that cancelled it, and context.Canceled once the
// scope was cancelled otherwise, or left. context.Cause tells the reason. Once
// it is not nil, Done is closed.
func (s *cancelScope) Err() error {
	reason := s.reason()
	if reason == nil {
		return nil
	}
	if std := s.std.Load(); std != nil {
		std.end(*reason)
	}
	return contextError(*reason)
}

// reason is why the scope is over, or the nearest one around it whose end is not
// kept off by a shield; nil while it is not. What was told once is told again: an
// end from around stays the scope's own.
func (s *cancelScope) reason() *error {
	for around := s; ; around = around.parent {
		if reason := around.over.Load(); reason != nil {
			if around == s || s.over.CompareAndSwap(nil, reason) {
				return reason
			}
			return s.over.Load()
		}
		if around.shielded || around.parent == nil {
			return nil
		}
	}
}

// contextError is a cause as one of the two errors that Err may return.
func contextError(cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

type scopeKey struct{}

// Value gives the scope to currentTaskOf, also through contexts derived from
// this one, and otherwise what the context has that the scope was made under.
//
// Package context asks for its own key here: context.Cause once the scope is
// over, and derived contexts after they have called Done. So that is when the
// answer has to come from the context that has the cause.
func (s *cancelScope) Value(key any) any {
	if _, ok := key.(scopeKey); ok {
		return s
	}
	var value any
	if s.std.Load() != nil || s.reason() != nil {
		value = s.materialise().Value(key)
	} else {
		value = s.outer.Value(key)
	}
	if value == nil && s.loop.labels != nil {
		return s.labelValue(key)
	}
	return value
}

// publish makes the scope over for contexts. Any goroutine may call it; the
// first reason counts.
func (s *cancelScope) publish(reason *error) {
	s.over.CompareAndSwap(nil, reason)
	if std := s.std.Load(); std != nil {
		std.end(*s.over.Load())
	}
}

// materialise gives the scope's context of package context, and makes it if
// this is the first time that somebody asks. It has ended if the scope is over.
//
// Order: the reason is read after std was stored, and publish does the contrary,
// so that one of the two sees the other.
func (s *cancelScope) materialise() *stdContext {
	std := s.std.Load()
	if std == nil {
		std = newStdContext(s.outer)
		if s.std.CompareAndSwap(nil, std) {
			s.follow(std)
		} else {
			std = s.std.Load()
		}
	}
	if reason := s.reason(); reason != nil {
		std.end(*reason)
	}
	return std
}

// follow makes std, the scope's, end when the one of the scope around it does.
func (s *cancelScope) follow(std *stdContext) {
	if s.parent == nil || s.shielded {
		return
	}
	around := s.parent.materialise()
	leave := around.origin.AfterFunc(func() { s.publish(s.parent.over.Load()) })
	_ = std.origin.AfterFunc(func() { leave() })
}

// stdContext is a context of package context that ends for a reason we give it,
// and with the error that belongs to the reason: one of context.WithCancelCause
// would have context.Canceled for a timeout too. So it is the child of an
// origin, whose error it takes over.
type stdContext struct {
	context.Context
	release context.CancelFunc
	origin  origin
	once    sync.Once
}

func newStdContext(values context.Context) *stdContext {
	c := &stdContext{origin: origin{values: values, done: make(chan struct{}), tell: make(map[*func()]struct{})}}
	c.Context, c.release = context.WithCancel(&c.origin)
	return c
}

// end ends the context. The first call counts, and the others wait for it: whoever
// returns from here finds the context ended, with its cause.
//
// Order: the origin tells the context its cause. To release it first would end
// it without one.
func (c *stdContext) end(cause error) {
	c.once.Do(func() {
		c.origin.end(cause)
		c.release()
	})
}

// origin is a parent for contexts of package context, which ask it, by its
// method AfterFunc, to be told when it ends, and then for its error and cause.
type origin struct {
	values context.Context
	done   chan struct{}
	reason atomic.Pointer[ending]

	mu   sync.Mutex
	tell map[*func()]struct{} // to be called at the end; nil after it
}

// ending is why an origin has ended.
type ending struct {
	err    error
	holder context.Context // one that ended with the cause: package context can ask it
}

// end is called once.
func (o *origin) end(cause error) {
	holder, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	o.mu.Lock()
	tell := o.tell
	o.tell = nil
	o.reason.Store(&ending{contextError(cause), holder})
	close(o.done)
	o.mu.Unlock()
	for f := range tell {
		(*f)()
	}
}

// Deadline is none: contexts derived from a scope's ask the scope.
func (o *origin) Deadline() (time.Time, bool) { return time.Time{}, false }
func (o *origin) Done() <-chan struct{}       { return o.done }

func (o *origin) Err() error {
	if ended := o.reason.Load(); ended != nil {
		return ended.err
	}
	return nil
}

// Value has the cause, behind a key that only package context knows.
func (o *origin) Value(key any) any {
	if ended := o.reason.Load(); ended != nil {
		if value := ended.holder.Value(key); value != nil {
			return value
		}
	}
	return o.values.Value(key)
}

// AfterFunc calls f when o has ended, unless stop comes first.
func (o *origin) AfterFunc(f func()) (stop func() bool) {
	o.mu.Lock()
	ended := o.tell == nil
	if !ended {
		o.tell[&f] = struct{}{}
	}
	o.mu.Unlock()
	if ended {
		f()
	}
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		_, waiting := o.tell[&f]
		delete(o.tell, &f)
		return waiting
	}
}
