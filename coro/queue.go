package coro

import "context"

// queueOf is tasks that wait for one another's doing, first come, first served,
// each with a value: what it brings, or a place for what it is given. The zero
// value is empty.
//
// A waiter is in the queue until its wait is completed, or until its task runs
// again after a cancellation. In between, such a task is ready and not parked:
// whoever looks for one to serve passes over it, so a cancelled waiter gets
// nothing, and what it would have been given goes to the next.
type queueOf[V any] struct {
	first, last *waiterOf[V]
	len         int
}

type waiterOf[V any] struct {
	task       *task
	next, prev *waiterOf[V]
	queued     bool
	done       bool // the wait was completed, by who took the waiter out
	value      V
}

// Most tasks wait for nothing but their turn.
type (
	waitQueue = queueOf[struct{}]
	waiter    = waiterOf[struct{}]
)

// wait suspends t until wakeOne reaches it. A cancelled task leaves the queue.
func (q *queueOf[V]) wait(ctx context.Context, t *task) error {
	w := q.add(t)
	err := t.parkUnder(ctx, waitQueued)
	if w.queued {
		q.remove(w)
	}
	return err
}

func (q *queueOf[V]) add(t *task) *waiterOf[V] {
	w := &waiterOf[V]{task: t}
	q.push(w)
	return w
}

func (q *queueOf[V]) push(w *waiterOf[V]) {
	w.prev, w.queued = q.last, true
	if q.last != nil {
		q.last.next = w
	} else {
		q.first = w
	}
	q.last = w
	q.len++
}

func (q *queueOf[V]) remove(w *waiterOf[V]) {
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	w.next, w.prev, w.queued = nil, nil, false
	q.len--
}

// head is the first task that is still waiting, or nil. Those before it, which
// something else has woken, are taken out.
func (q *queueOf[V]) head() *waiterOf[V] {
	for q.first != nil && q.first.task.state != taskParked {
		q.remove(q.first)
	}
	return q.first
}

// complete ends the wait of the first task that is still waiting, takes it out
// and returns it; nil if there is none. The task reads what the caller puts into
// the waiter when it runs, and returns result.
func (q *queueOf[V]) complete(result error) *waiterOf[V] {
	for w := q.first; w != nil; w = q.first {
		q.remove(w)
		if w.task.wake(result) {
			w.done = true
			return w
		}
	}
	return nil
}

// completeAll is complete for all that wait.
func (q *queueOf[V]) completeAll(result error) {
	for q.complete(result) != nil {
	}
}

// wakeOne is complete where there is nothing to hand over, and reports whether
// a task was waiting.
func (q *queueOf[V]) wakeOne(result error) bool { return q.complete(result) != nil }

// gate lets up to limit tasks in at a time.
type gate struct {
	limit, inside int
	queue         waitQueue
}

func (g *gate) enter(t *task) error {
	if g.inside < g.limit {
		g.inside++
		return nil
	}
	return g.queue.wait(t.scope, t) // leave keeps the place for it
}

func (g *gate) leave() {
	if !g.queue.wakeOne(nil) {
		g.inside--
	}
}
