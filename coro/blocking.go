package coro

import "context"

// maxLookups is how many names a loop resolves at a time.
//
// Bound: each is a goroutine and, with the C library's resolver, a thread.
const maxLookups = 32

// offLoop runs fn, which may block, on a goroutine while the task waits. A
// cancelled task does not wait for it: fn's context has ended then, its result
// is dropped when it comes, and only then its turn is over.
func offLoop[T any](t *task, turns *gate, fn func(context.Context) (T, error)) (T, error) {
	var none T
	if err := turns.enter(t); err != nil {
		return none, err
	}
	l, ctx, parks := t.loop(), context.Context(t.scope), t.parks+1
	var result T
	l.helpers.Add(1)
	go func() {
		defer l.helpers.Done()
		value, err := fn(ctx)
		l.deliver(func() {
			turns.leave()
			if t.parks == parks && t.state == taskParked {
				result = value
				t.wake(err)
			}
		})
	}()
	err := t.park(waitBlocking)
	return result, err
}
