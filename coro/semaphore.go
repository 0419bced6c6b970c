package coro

import (
	"context"
	"fmt"
)

// Semaphore is a number of units that tasks of one loop take and give back:
// places at a backend, bytes of memory. It belongs to the loop of the task that
// uses it first.
//
// First come, first served, also for requests of different size: behind a large
// one that waits, small ones wait too, or the large one might wait for ever. A
// unit belongs to nobody in particular: one task may release what another
// acquired.
//
// Errors of its methods: ErrWrongLoop, ErrNotTask, ErrNoLoop.
type Semaphore struct {
	home     home
	capacity int
	free     int
	waiting  line[int] // each with what it asks for
	acquired uint64
}

// SemaphoreStats is a look at a Semaphore.
type SemaphoreStats struct {
	Free, Cap int
	Waiting   int    // tasks in Acquire
	Acquired  uint64 // units given out so far
}

// NewSemaphore makes a Semaphore of n units, all of them free. It panics if n is
// negative.
func NewSemaphore(n int) *Semaphore {
	if n < 0 {
		panic("coro: NewSemaphore with a negative number")
	}
	return &Semaphore{capacity: n, free: n}
}

// Acquire takes n units; it suspends the task until it is its turn and n are
// free. Errors besides the Semaphore's: ErrOverCapacity if n never can be, the
// cause of ctx or of a cancelled scope; then it has taken none.
func (s *Semaphore) Acquire(ctx context.Context, n int) error {
	t, err := s.home.begin(ctx)
	if err != nil {
		return err
	}
	if ok, err := s.try(n); ok || err != nil {
		return err
	}
	_, err = s.waiting.wait(ctx, t, waitAcquire, n)
	if err != nil {
		s.grant() // a large request that has left the head may have held up small ones
	}
	return err
}

// TryAcquire takes n units if that need not wait, and reports whether. It never
// suspends. Errors besides the Semaphore's: ErrOverCapacity.
func (s *Semaphore) TryAcquire(ctx context.Context, n int) (bool, error) {
	if _, err := s.home.task(ctx); err != nil {
		return false, err
	}
	return s.try(n)
}

// Release gives n units back. It never suspends, so it works in a cancelled
// scope. Errors besides the Semaphore's: ErrNotOwner if fewer are acquired; then
// it has given back none.
func (s *Semaphore) Release(n int) error {
	if _, err := s.home.caller(); err != nil {
		return err
	}
	s.grant()
	if n < 0 || n > s.capacity-s.free {
		return fmt.Errorf("%w: release of %d, with %d acquired", ErrNotOwner, n, s.capacity-s.free)
	}
	s.free += n
	s.grant()
	return nil
}

// Stats is a look at the Semaphore; call it from a task of its loop.
func (s *Semaphore) Stats() SemaphoreStats {
	return SemaphoreStats{s.free, s.capacity, s.waiting.len, s.acquired}
}

func (s *Semaphore) try(n int) (bool, error) {
	if n < 0 || n > s.capacity {
		return false, fmt.Errorf("%w: asked for %d of %d", ErrOverCapacity, n, s.capacity)
	}
	s.grant()
	if n > s.free || s.waiting.head() != nil {
		return false, nil
	}
	s.take(n)
	return true, nil
}

func (s *Semaphore) take(n int) {
	s.free -= n
	s.acquired += uint64(n)
}

// grant serves those that wait, up to the first for which there is not enough.
// Every operation begins with it: the head may have been cancelled in this turn,
// and those behind it are next, though it has not run and left the queue.
func (s *Semaphore) grant() {
	for w := s.waiting.head(); w != nil && w.value <= s.free; w = s.waiting.head() {
		s.take(w.value)
		s.waiting.complete(nil)
	}
}
