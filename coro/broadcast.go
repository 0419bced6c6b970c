package coro

import (
	"context"
	"fmt"
)

// Broadcast carries each value to all subscribers, tasks of one loop. Sending
// never waits: a subscriber that does not keep up loses the oldest values, and is
// told how many. It belongs to the loop of the task that uses it first.
//
//	            slots, capacity of them
//	Send -->  [ 7 | 8 | 9 | 4 | 5 | 6 ]   value n is in slot n % capacity
//	                          ^   ^
//	         a subscription's next: 5     one that lags: 3, of which 3 is lost
//
// A subscriber gets what is sent after Subscribe. A value that was sent stays
// until it is overwritten, also when all have got it.
//
// Errors of its methods: ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Broadcast[T any] struct {
	home     home
	slots    []T // grows up to capacity
	capacity int
	sent     uint64 // values so far; the number of the next one
	lost     uint64
	closed   bool

	first, last   *Subscription[T] // in the order of Subscribe
	subscriptions int
}

// BroadcastStats is a look at a Broadcast.
type BroadcastStats struct {
	Len, Cap      int // values that are kept, and the most
	Closed        bool
	Subscriptions int
	Sent          uint64
	Lost          uint64 // values that subscribers were too late for, all together
}

// LaggedError: a subscriber came too late for Lost values. The next Recv gives
// the oldest one that is still there.
type LaggedError struct{ Lost uint64 }

func (e *LaggedError) Error() string {
	return fmt.Sprintf("coro: the subscriber lags behind, and has lost %d values", e.Lost)
}

// NewBroadcast makes a Broadcast that keeps the last capacity values for those
// who have not got them yet. It panics if capacity is not positive.
func NewBroadcast[T any](capacity int) *Broadcast[T] {
	if capacity <= 0 {
		panic("coro: NewBroadcast without a capacity")
	}
	return &Broadcast[T]{capacity: capacity}
}

// Send gives v to all subscribers, those that wait for it first, in the order in
// which they subscribed. It never suspends; its time is some nanoseconds for each
// subscription. Errors besides the Broadcast's: ErrChanClosed.
func (b *Broadcast[T]) Send(ctx context.Context, v T) error {
	if _, err := b.home.task(ctx); err != nil {
		return err
	}
	if b.closed {
		return ErrChanClosed
	}
	if len(b.slots) < b.capacity {
		b.slots = append(b.slots, v)
	} else {
		b.slots[b.sent%uint64(b.capacity)] = v
	}
	b.sent++
	for s := b.first; s != nil; s = s.after {
		if w := s.waiting.complete(nil); w != nil {
			w.value = v
			s.next = b.sent
		}
	}
	return nil
}

// Subscribe begins a subscription. Whoever makes one closes it, or Send goes on
// looking at it. Errors besides the Broadcast's: ErrChanClosed.
func (b *Broadcast[T]) Subscribe(ctx context.Context) (*Subscription[T], error) {
	if _, err := b.home.task(ctx); err != nil {
		return nil, err
	}
	if b.closed {
		return nil, ErrChanClosed
	}
	s := &Subscription[T]{of: b, next: b.sent, before: b.last}
	if b.last != nil {
		b.last.after = s
	} else {
		b.first = s
	}
	b.last = s
	b.subscriptions++
	return s, nil
}

// Close ends the sending. Subscribers get what is there for them, and then
// ErrChanClosed. It never suspends. Errors besides the Broadcast's: ErrChanClosed
// from the second call on.
func (b *Broadcast[T]) Close(ctx context.Context) error {
	if _, err := b.home.task(ctx); err != nil {
		return err
	}
	if b.closed {
		return ErrChanClosed
	}
	b.closed = true
	for s := b.first; s != nil; s = s.after {
		s.waiting.completeAll(ErrChanClosed)
	}
	return nil
}

// Stats is a look at the Broadcast; call it from a task of its loop.
func (b *Broadcast[T]) Stats() BroadcastStats {
	return BroadcastStats{len(b.slots), b.capacity, b.closed, b.subscriptions, b.sent, b.lost}
}

func (b *Broadcast[T]) remove(s *Subscription[T]) {
	if s.before != nil {
		s.before.after = s.after
	} else {
		b.first = s.after
	}
	if s.after != nil {
		s.after.before = s.before
	} else {
		b.last = s.before
	}
	b.subscriptions--
}
