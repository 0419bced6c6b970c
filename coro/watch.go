package coro

import "context"

// Watch holds a value of which only the latest matters: a configuration, a
// state. Tasks of one loop wait for it to change. The zero value holds nothing
// yet, as version 0. It belongs to the loop of the task that uses it first.
//
//	var seen uint64
//	for {
//		config, version, err := w.Changed(ctx, seen)
//		if err != nil {
//			return err
//		}
//		seen = version
//		use(config)
//	}
//
// Each Set makes a new version, also with an equal value. Who is slow skips
// versions and never misses the last.
//
// Errors of its methods: ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Watch[T any] struct {
	home    home
	value   T
	version uint64
	closed  bool
	waiting line[struct{}]
}

// WatchStats is a look at a Watch.
type WatchStats struct {
	Version uint64
	Waiting int // tasks in Changed
	Closed  bool
}

// NewWatch makes a Watch that holds initial, as version 1.
func NewWatch[T any](initial T) *Watch[T] { return &Watch[T]{value: initial, version: 1} }

// Set replaces the value and wakes all tasks that wait, in the order in which
// they came. It never suspends. Errors besides the Watch's: ErrChanClosed.
func (w *Watch[T]) Set(ctx context.Context, v T) error {
	if _, err := w.home.task(ctx); err != nil {
		return err
	}
	if w.closed {
		return ErrChanClosed
	}
	w.value = v
	w.version++
	w.waiting.completeAll(nil)
	return nil
}

// Get is the value and its version. Call it from a task of the Watch's loop.
func (w *Watch[T]) Get() (v T, version uint64) { return w.value, w.version }

// Changed suspends the task until the version is another one than seen, and
// gives the value and its version: those that are the latest when the task runs.
// With seen 0 it is enough that there is a value. Errors besides the Watch's:
// ErrChanClosed if there will be no other version, the cause of ctx or of a
// cancelled scope; value and version are the latest then too.
func (w *Watch[T]) Changed(ctx context.Context, seen uint64) (v T, version uint64, err error) {
	t, err := w.home.begin(ctx)
	if t == nil { // a caller that may not look
		return v, seen, err
	}
	if err == nil && w.version == seen {
		if w.closed {
			return w.value, w.version, ErrChanClosed
		}
		_, err = w.waiting.wait(ctx, t, waitReceive, struct{}{})
	}
	return w.value, w.version, err
}

// ChangedCase is the case that the version is another one than *seen; the value
// is put into v, and the version into seen, so the case can be used again. It is
// chosen with ErrChanClosed if there will be no other version. A nil seen is for
// any version, a nil v for a value that is not needed.
func (w *Watch[T]) ChangedCase(seen *uint64, v *T) Case {
	return Case{kind: caseObject, of: &watchChanged[T]{w, orDropped(seen), orDropped(v)}}
}

// Close tells those who wait that this was the last version. It never suspends.
// Errors besides the Watch's: ErrChanClosed from the second call on.
func (w *Watch[T]) Close(ctx context.Context) error {
	if _, err := w.home.task(ctx); err != nil {
		return err
	}
	if w.closed {
		return ErrChanClosed
	}
	w.closed = true
	w.waiting.completeAll(ErrChanClosed)
	return nil
}

// Stats is a look at the Watch; call it from a task of its loop.
func (w *Watch[T]) Stats() WatchStats { return WatchStats{w.version, w.waiting.len, w.closed} }

type watchChanged[T any] struct {
	w    *Watch[T]
	seen *uint64
	v    *T
}

func (c *watchChanged[T]) at() *home { return &c.w.home }

func (c *watchChanged[T]) poll() (done bool, err error) {
	switch {
	case c.w.version != *c.seen:
		c.fetch()
		return true, nil
	case c.w.closed:
		return true, ErrChanClosed
	}
	return false, nil
}

func (c *watchChanged[T]) join(t *task) any { return c.w.waiting.join(t, struct{}{}) }

func (c *watchChanged[T]) leave(waiting any) bool {
	_, done := c.w.waiting.leave(waiting.(*waiter))
	if done {
		c.fetch()
	}
	return done
}

func (c *watchChanged[T]) fetch() { *c.v, *c.seen = c.w.value, c.w.version }
