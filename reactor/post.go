package reactor

import "sync/atomic"

// postQueue carries functions from any goroutine to the loop: a stack that
// producers push onto with one compare-and-swap, and that the loop takes as a
// whole and turns over (Treiber, "Systems Programming: Coping with
// Parallelism", 1986). There is no lock that a preempted producer could hold
// while the loop waits for it.
//
// The wake-up, and why none is lost:
//
//	goroutine (Post)                   loop (before it waits)
//	----------------                   ----------------------
//	push the function                  sleeping = true
//	if sleeping: sleeping = false,     if the stack is not empty:
//	   and write the wake-up              do not block
//	                                   wait
//	                                   sleeping = false
//
// Invariant: each side first writes its own variable, then reads the other's.
// Whichever came second sees the first: the producer a sleeping loop, or the
// loop a function. A loop that is busy is not woken at all.
type postQueue struct {
	head     atomic.Pointer[posted]
	sleeping atomic.Bool
	// taken is how many functions the loop has taken over and not run yet.
	// They wait too, so they count against the bound. The loop alone writes it.
	taken atomic.Int64
}

type posted struct {
	fn    func()
	next  *posted
	depth int // entries from here down, so the bound needs no counter
}

// closedQueue marks a queue that takes no more.
var closedQueue = &posted{}

// push adds fn and reports whether the loop has to be woken.
func (q *postQueue) push(fn func(), limit int) (wake bool, err error) {
	p := &posted{fn: fn}
	for {
		old := q.head.Load()
		if old == closedQueue {
			return false, ErrLoopClosed
		}
		p.next, p.depth = old, 1
		if old != nil {
			p.depth = old.depth + 1
		}
		if int64(p.depth)+q.taken.Load() > int64(limit) {
			return false, ErrPostQueueFull
		}
		if q.head.CompareAndSwap(old, p) {
			return q.wake(), nil
		}
	}
}

// wake reports whether the loop sleeps and it is the caller who wakes it.
func (q *postQueue) wake() bool {
	return q.sleeping.Load() && q.sleeping.CompareAndSwap(true, false)
}

// take empties the queue; the result is in the order of the pushes.
func (q *postQueue) take() *posted {
	switch q.head.Load() {
	case nil, closedQueue: // most turns: a load is cheaper than a swap
		return nil
	}
	return turnOver(q.head.Swap(nil))
}

// close refuses all later pushes and returns what the queue held.
func (q *postQueue) close() *posted {
	last := q.head.Swap(closedQueue)
	if last == closedQueue {
		return nil
	}
	return turnOver(last)
}

// empty reports whether there is nothing to take.
func (q *postQueue) empty() bool {
	p := q.head.Load()
	return p == nil || p == closedQueue
}

func turnOver(p *posted) *posted {
	var first *posted
	for p != nil {
		next := p.next
		p.next, first = first, p
		p = next
	}
	return first
}
