package coro

import "context"

// Subscription is a place in a Broadcast, from which values are received one
// after the other. Several tasks may receive from one: then each value goes to
// one of them, first come, first served.
type Subscription[T any] struct {
	of            *Broadcast[T]
	next          uint64 // the number of the value that is received next
	lost          uint64
	waiting       line[T] // each with a place for a value
	closed        bool
	before, after *Subscription[T]
}

// SubscriptionStats is a look at a Subscription.
type SubscriptionStats struct {
	Behind  uint64 // values sent and not received; those over Cap are lost already
	Lost    uint64 // values that a LaggedError has told of
	Waiting int    // tasks in Recv
	Closed  bool
}

// Recv gives the next value; it suspends the task until there is one. Errors
// besides the Broadcast's: *LaggedError, once for what was lost in between;
// ErrChanClosed after the last value, or after Close; the cause of ctx or of a
// cancelled scope.
func (s *Subscription[T]) Recv(ctx context.Context) (T, error) {
	var v T
	t, err := s.of.home.begin(ctx)
	if err != nil {
		return v, err
	}
	if done, err := s.take(&v); done {
		return v, err
	}
	return s.waiting.wait(ctx, t, waitReceive, v)
}

// RecvCase is the case that Recv need not wait; the value is put into v. It can
// be chosen with Recv's errors: *LaggedError, ErrChanClosed. A nil v is for a value
// that is not needed.
func (s *Subscription[T]) RecvCase(v *T) Case {
	return Case{kind: caseObject, of: &subscriptionRecv[T]{s, orDropped(v)}}
}

// Close ends the subscription: its receivers get ErrChanClosed. It never
// suspends. Errors besides the Broadcast's: ErrChanClosed from the second call on.
func (s *Subscription[T]) Close() error {
	if _, err := s.of.home.caller(); err != nil {
		return err
	}
	if s.closed {
		return ErrChanClosed
	}
	s.closed = true
	s.of.remove(s)
	s.waiting.completeAll(ErrChanClosed)
	return nil
}

// Stats is a look at the Subscription; call it from a task of its loop.
func (s *Subscription[T]) Stats() SubscriptionStats {
	return SubscriptionStats{s.of.sent - s.next, s.lost, s.waiting.len, s.closed}
}

// take receives into v without waiting, and reports whether that could be done.
func (s *Subscription[T]) take(v *T) (done bool, err error) {
	b := s.of
	oldest := b.sent - uint64(len(b.slots))
	switch {
	case s.closed:
		return true, ErrChanClosed
	case s.next < oldest:
		lost := oldest - s.next
		s.next = oldest
		s.lost += lost
		b.lost += lost
		return true, &LaggedError{Lost: lost}
	case s.next < b.sent:
		*v = b.slots[s.next%uint64(b.capacity)]
		s.next++
		return true, nil
	case b.closed:
		return true, ErrChanClosed
	}
	return false, nil
}

type subscriptionRecv[T any] struct {
	s *Subscription[T]
	v *T
}

func (r *subscriptionRecv[T]) at() *home                    { return &r.s.of.home }
func (r *subscriptionRecv[T]) poll() (done bool, err error) { return r.s.take(r.v) }

func (r *subscriptionRecv[T]) join(t *task) any {
	var none T
	return r.s.waiting.join(t, none)
}

func (r *subscriptionRecv[T]) leave(w any) bool {
	v, done := r.s.waiting.leave(w.(*waiterOf[T]))
	if done {
		*r.v = v
	}
	return done
}
