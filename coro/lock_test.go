package coro

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMutexIsHandedOver(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var m Mutex
		var order []int
		require.NoError(t, m.Lock(ctx))
		for i := range 5 {
			require.NoError(t, s.Go(func(ctx context.Context) error {
				if err := m.Lock(ctx); err != nil {
					return err
				}
				order = append(order, i)
				if err := Yield(ctx); err != nil {
					return err
				}
				return m.Unlock()
			}))
		}
		settle(t, ctx)
		require.Equal(t, 5, m.Stats().Waiting)
		require.NoError(t, m.Unlock())
		ok, err := m.TryLock(ctx)
		require.NoError(t, err)
		require.False(t, ok, "TryLock between the hand-over and the new owner's turn")
		require.NoError(t, m.Lock(ctx), "the last in the queue")
		require.Equal(t, []int{0, 1, 2, 3, 4}, order)
		require.NoError(t, m.Unlock())
		require.Equal(t, MutexStats{Locked: 7}, m.Stats())
	})
}

func TestMutexRefuses(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var m Mutex
		require.Equal(t, ErrNotOwner, m.Unlock(), "a mutex that nobody has used")
		require.NoError(t, m.Lock(ctx))
		require.Equal(t, ErrDeadlock, m.Lock(ctx), "a second Lock")
		_, err := m.TryLock(ctx)
		require.Equal(t, ErrDeadlock, err, "TryLock of one's own")
		var others error
		apart(t, ctx, s, func(context.Context) { others = m.Unlock() })
		require.Equal(t, ErrNotOwner, others, "another task's Unlock")
		require.NoError(t, m.Unlock())
		require.Equal(t, ErrNotOwner, m.Unlock(), "a second Unlock")
	})
}

// A coroutine runs one task after the other; they are not the same owner.
func TestMutexKnowsATaskFromItsCoroutinesNext(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var m Mutex
		apart(t, ctx, s, func(ctx context.Context) { _ = m.Lock(ctx) }) // and ends
		owner := m.Stats().Owner
		require.NotZero(t, owner, "the owner that is no more")
		err := errStuck
		var coroutine *task
		apart(t, ctx, s, func(ctx context.Context) { coroutine, _ = currentTaskOf(ctx); err = m.Unlock() })
		require.Equal(t, ErrNotOwner, err)
		require.Equal(t, owner+1, coroutine.id, "tasks are numbered")
	})
}

// A cancelled task that has not run yet is in the queue; nobody is to wait behind
// it for a mutex that is free.
func TestMutexIsFreeBehindACancelledTask(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var m Mutex
		require.NoError(t, m.Lock(ctx))
		own := apart(t, ctx, s, func(ctx context.Context) { _ = m.Lock(ctx) })
		require.NoError(t, own.Cancel(errTest))
		require.NoError(t, m.Unlock())
		ok, err := m.TryLock(ctx)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, m.Unlock())
	})
}

func TestSemaphoreIsFirstComeFirstServed(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		sem := NewSemaphore(4)
		require.NoError(t, sem.Acquire(ctx, 3))
		var order []int
		acquire := func(n int) func(ctx context.Context) {
			return func(ctx context.Context) {
				if sem.Acquire(ctx, n) == nil {
					order = append(order, n)
				}
			}
		}
		large := apart(t, ctx, s, acquire(4))
		apart(t, ctx, s, acquire(1))
		require.Empty(t, order, "a small request overtook a large one")
		ok, err := sem.TryAcquire(ctx, 1)
		require.NoError(t, err)
		require.False(t, ok, "TryAcquire past those that wait")
		require.NoError(t, large.Cancel(errTest))
		settle(t, ctx)
		require.Equal(t, []int{1}, order, "the small request when the large one has gone")
		require.NoError(t, sem.Release(4))
		require.Equal(t, SemaphoreStats{Free: 4, Cap: 4, Acquired: 4}, sem.Stats())
	})
}

func TestSemaphoreRefuses(t *testing.T) {
	on(t, func(ctx context.Context, _ *Scope) {
		sem := NewSemaphore(4)
		require.NoError(t, sem.Acquire(ctx, 2))
		for _, n := range []int{5, -1} {
			err := sem.Acquire(ctx, n)
			require.ErrorIs(t, err, ErrOverCapacity)
			_, err = sem.TryAcquire(ctx, n)
			require.ErrorIs(t, err, ErrOverCapacity)
		}
		require.EqualError(t, sem.Acquire(ctx, 5), "coro: the semaphore never has that many: asked for 5 of 4")
		require.ErrorIs(t, sem.Release(3), ErrNotOwner)
		require.ErrorIs(t, sem.Release(-1), ErrNotOwner)
		require.Equal(t, 2, sem.Stats().Free)
		require.NoError(t, sem.Acquire(ctx, 0))
		require.NoError(t, sem.Release(2))
	})
}

// The budget of a task that never waits is used up between the test and Wait;
// if that let another task run, its signal would be lost.
func TestCondLosesNoSignalBetweenTestAndWait(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var cond Cond
		for spent := range 2 * operationsPerResume {
			done := false
			require.NoError(t, s.Go(func(ctx context.Context) error {
				done = true
				return cond.Signal(ctx)
			}))
			c := NewChan[int](spent + 1)
			for i := range spent % (operationsPerResume + 1) {
				require.NoError(t, c.Send(ctx, i)) // from the budget
			}
			for !done {
				require.NoError(t, cond.Wait(ctx))
			}
		}
	})
}

func TestCondPassesASignalOn(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var cond Cond
		var errs [3]error
		var scopes [3]*Scope
		for i := range errs {
			errs[i] = errStuck
			scopes[i] = apart(t, ctx, s, func(ctx context.Context) { errs[i] = cond.Wait(ctx) })
		}
		require.NoError(t, scopes[0].Cancel(errTest))
		require.NoError(t, cond.Signal(ctx)) // in the turn of the cancellation
		settle(t, ctx)
		require.Equal(t, [3]error{errTest, nil, errStuck}, errs)
		require.NoError(t, cond.Signal(ctx))
		require.NoError(t, scopes[2].Cancel(errTest)) // too late
		settle(t, ctx)
		require.Equal(t, [3]error{errTest, nil, nil}, errs)
		require.NoError(t, cond.Signal(ctx), "with nobody there")
		require.Equal(t, CondStats{Woken: 2, Signals: 3}, cond.Stats())
	})
}

func TestCondInACancelledScope(t *testing.T) {
	on(t, func(ctx context.Context, outer *Scope) {
		var cond Cond
		require.Equal(t, errTest, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Cancel(errTest))
			require.NoError(t, cond.Broadcast(s.Context()))
			require.Equal(t, errTest, cond.Wait(s.Context()))
			return errTest
		}))
		ended, cancel := context.WithCancel(ctx)
		cancel()
		require.Equal(t, context.Canceled, cond.Wait(ended), "under a context that has ended")
		require.Zero(t, cond.Stats().Waiting)
	})
}
