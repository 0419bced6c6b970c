package coro

import "context"

// line is the queue of a sync object: a queueOf that keeps waiters for the next
// task, so that waiting in it allocates nothing once it has been waited in.
type line[V any] struct {
	queueOf[V]
	spare  *waiterOf[V] // linked by next
	spares int
}

// maxSpares is how many waiters a line keeps.
//
// Bound: 8 tasks take turns without allocating; their waiters are some 500 bytes.
const maxSpares = 8

// wait suspends t until somebody completes its wait, or it is cancelled, and
// returns what is in the waiter then.
func (q *line[V]) wait(ctx context.Context, t *task, kind waitKind, v V) (V, error) {
	w := q.join(t, v)
	err := t.parkUnder(ctx, kind)
	v, _ = q.leave(w)
	return v, err
}

// join puts t at the end of the line. It is to park then.
func (q *line[V]) join(t *task, v V) *waiterOf[V] {
	w := q.spare
	if w == nil {
		w = new(waiterOf[V])
	} else {
		q.spare, w.next = w.next, nil
		q.spares--
	}
	w.task, w.value = t, v
	q.push(w)
	return w
}

// leave is for the task to call when it runs again, however its wait has ended.
// It returns what is in the waiter, and reports whether the wait was completed.
// From here on the waiter may be another task's.
func (q *line[V]) leave(w *waiterOf[V]) (v V, done bool) {
	if w.queued {
		q.remove(w)
	}
	v, done = w.value, w.done
	if q.spares < maxSpares {
		*w = waiterOf[V]{next: q.spare}
		q.spare = w
		q.spares++
	}
	return v, done
}
