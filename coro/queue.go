package coro

import "context"

// waitQueue is tasks that wait for one another's doing, first come, first
// served. The zero value is empty.
type waitQueue struct {
	first, last *waiter
	len         int
}

type waiter struct {
	task       *task
	next, prev *waiter
	queued     bool
}

// wait suspends t until wakeOne reaches it. A cancelled task leaves the queue.
func (q *waitQueue) wait(ctx context.Context, t *task) error {
	w := q.add(t)
	err := t.parkUnder(ctx, waitQueued)
	if w.queued {
		q.remove(w)
	}
	return err
}

func (q *waitQueue) add(t *task) *waiter {
	w := &waiter{task: t, prev: q.last, queued: true}
	if q.last != nil {
		q.last.next = w
	} else {
		q.first = w
	}
	q.last = w
	q.len++
	return w
}

func (q *waitQueue) remove(w *waiter) {
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

// wakeOne wakes the first task that is still waiting, and reports whether there
// was one. A task that its scope's cancellation has woken in the same turn is
// passed over: what it would have been given goes to the next.
func (q *waitQueue) wakeOne(result error) bool {
	for w := q.first; w != nil; w = q.first {
		q.remove(w)
		if w.task.wake(result) {
			return true
		}
	}
	return false
}

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
