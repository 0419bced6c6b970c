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

// Deadline is the earliest one of the scope and those around it, up to a
// Shield.
func (s *cancelScope) Deadline() (deadline time.Time, ok bool) {
	if !s.shielded {
		deadline, ok = s.outer.Deadline()
	}
	if s.deadline != 0 {
		if own := s.loop.reactor.OS().Epoch().Add(s.deadline); !ok || own.Before(deadline) {
			return own, true
		}
	}
	return deadline, ok
}

// Done is closed when the scope is cancelled or left.
func (s *cancelScope) Done() <-chan struct{} { return s.materialise().Done() }

// Err is context.DeadlineExceeded once a Timeout or a Deadline has passed, of
// this scope or of the one that cancelled it, and context.Canceled once the
// scope was cancelled otherwise, or left. context.Cause tells the reason.
func (s *cancelScope) Err() error {
	if reason := s.reason(); reason != nil {
		return contextError(*reason)
	}
	return nil
}

// reason is why the scope is over, or the nearest one around it whose end is not
// kept off by a shield; nil while it is not.
func (s *cancelScope) reason() *error {
	for {
		if reason := s.over.Load(); reason != nil {
			return reason
		}
		if s.shielded || s.parent == nil {
			return nil
		}
		s = s.parent
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
	if s.std.Load() != nil || s.reason() != nil {
		return s.materialise().Value(key)
	}
	return s.outer.Value(key)
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
// this is the first time that somebody asks.
//
// Order: the reason is read after std was stored, and publish does the contrary,
// so that one of the two sees the other.
func (s *cancelScope) materialise() *stdContext {
	if std := s.std.Load(); std != nil {
		return std
	}
	std := newStdContext(s.outer)
	if !s.std.CompareAndSwap(nil, std) {
		return s.std.Load()
	}
	if s.parent != nil && !s.shielded {
		std.endWith(s.parent.materialise())
	}
	if reason := s.reason(); reason != nil {
		std.end(*reason)
	}
	return std
}

// stdContext is a context of package context that ends for a reason we give it,
// and with the error that belongs to the reason: one of context.WithCancelCause
// would have context.Canceled for a timeout too. So it is the child of an
// origin, whose error it takes over.
type stdContext struct {
	context.Context
	release context.CancelFunc
	origin  origin
}

func newStdContext(values context.Context) *stdContext {
	c := &stdContext{origin: origin{values: values, done: make(chan struct{}), tell: make(map[*func()]struct{})}}
	c.Context, c.release = context.WithCancel(&c.origin)
	return c
}

// end ends the context. The first call counts.
func (c *stdContext) end(cause error) {
	c.origin.end(cause)
	c.release()
}

// endWith makes the context end when the one of the scope around it does.
func (c *stdContext) endWith(around *stdContext) {
	leave := around.origin.AfterFunc(func() { c.end(around.origin.reason.Load().cause) })
	_ = c.origin.AfterFunc(func() { leave() })
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
	cause, err error
	holder     context.Context // one that ended with cause: package context can ask it
}

func (o *origin) end(cause error) {
	holder, cancel := context.WithCancelCause(context.Background())
	cancel(cause)
	o.mu.Lock()
	tell := o.tell
	if tell != nil {
		o.tell = nil
		o.reason.Store(&ending{cause, contextError(cause), holder})
		close(o.done)
	}
	o.mu.Unlock()
	for f := range tell {
		(*f)()
	}
}

func (o *origin) Deadline() (time.Time, bool) { return o.values.Deadline() }
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
