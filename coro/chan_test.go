package coro

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// on runs a test as a task with a scope.
func on(t *testing.T, test func(ctx context.Context, s *Scope)) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), stuck, errStuck)
	defer cancel()
	require.NoError(t, Run(ctx, func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error { test(s.Context(), s); return nil })
	}))
}

// apart starts an operation in a scope of its own, which is returned.
func apart(t *testing.T, ctx context.Context, s *Scope, operation func(ctx context.Context)) (own *Scope) {
	t.Helper()
	require.NoError(t, s.Go(func(ctx context.Context) error {
		_ = WithScope(ctx, func(s *Scope) error { own = s; operation(s.Context()); return nil })
		return nil
	}))
	settle(t, ctx)
	return own
}

func TestChanIsFirstInFirstOut(t *testing.T) {
	for _, capacity := range []int{0, 1, 3, 100} {
		t.Run(fmt.Sprintf("with capacity %d", capacity), func(t *testing.T) {
			on(t, func(ctx context.Context, s *Scope) {
				c := NewChan[int](capacity)
				var got, order []int
				for i := range 10 {
					require.NoError(t, s.Go(func(ctx context.Context) error { return c.Send(ctx, i) }))
				}
				settle(t, ctx)
				require.Equal(t, ChanStats{
					Len: min(capacity, 10), Cap: capacity, Sent: uint64(min(capacity, 10)), SendersWaiting: 10 - min(capacity, 10),
				}, c.Stats())
				for range 10 {
					v, err := c.Recv(ctx)
					require.NoError(t, err)
					got = append(got, v)
				}
				require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, got, "what ten senders sent")

				for i := range 10 {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						v, err := c.Recv(ctx)
						order = append(order, i, v)
						return err
					}))
				}
				settle(t, ctx)
				require.Equal(t, 10, c.Stats().ReceiversWaiting)
				for i := range 10 {
					require.NoError(t, c.Send(ctx, i))
				}
				settle(t, ctx)
				require.Equal(t, []int{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9}, order, "receivers and what they got")
				require.Equal(t, ChanStats{Cap: capacity, Sent: 20, Received: 20}, c.Stats())
			})
		})
	}
}

func TestChanCompletedIsNeverCancelled(t *testing.T) {
	t.Run("a receive", func(t *testing.T) {
		on(t, func(ctx context.Context, s *Scope) {
			c := NewChan[int](0)
			var got int
			err := errStuck
			own := apart(t, ctx, s, func(ctx context.Context) { got, err = c.Recv(ctx) })
			sent, sendErr := c.TrySend(ctx, 7)
			require.NoError(t, sendErr)
			require.True(t, sent)
			require.NoError(t, own.Cancel(errTest)) // in the same turn
			settle(t, ctx)
			require.NoError(t, err)
			require.Equal(t, 7, got)
		})
	})
	t.Run("a send", func(t *testing.T) {
		on(t, func(ctx context.Context, s *Scope) {
			c := NewChan[int](0)
			err := errStuck
			own := apart(t, ctx, s, func(ctx context.Context) { err = c.Send(ctx, 7) })
			got, ok, recvErr := c.TryRecv(ctx)
			require.NoError(t, recvErr)
			require.True(t, ok)
			require.Equal(t, 7, got)
			require.NoError(t, own.Cancel(errTest))
			settle(t, ctx)
			require.NoError(t, err)
		})
	})
}

func TestChanCancelledHasTransferredNothing(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		c := NewChan[int](0)
		var errs [2]error
		sender := apart(t, ctx, s, func(ctx context.Context) { errs[0] = c.Send(ctx, 7) })
		require.NoError(t, sender.Cancel(errTest))
		_, ok, err := c.TryRecv(ctx) // before the sender runs
		require.NoError(t, err)
		require.False(t, ok, "a receive from a cancelled sender")
		settle(t, ctx)

		receiver := apart(t, ctx, s, func(ctx context.Context) { _, errs[1] = c.Recv(ctx) })
		require.NoError(t, receiver.Cancel(errTest))
		ok, err = c.TrySend(ctx, 7)
		require.NoError(t, err)
		require.False(t, ok, "a send to a cancelled receiver")
		settle(t, ctx)
		require.Equal(t, [2]error{errTest, errTest}, errs)
		require.Equal(t, ChanStats{}, c.Stats())
	})
}

func TestChanClose(t *testing.T) {
	t.Run("leaves what is in the buffer", func(t *testing.T) {
		on(t, func(ctx context.Context, s *Scope) {
			c := NewChan[int](2)
			require.NoError(t, c.Send(ctx, 1))
			require.NoError(t, c.Send(ctx, 2))
			require.NoError(t, c.Close(ctx))
			for want := 1; want <= 2; want++ {
				got, err := c.Recv(ctx)
				require.NoError(t, err)
				require.Equal(t, want, got)
			}
			_, err := c.Recv(ctx)
			require.Equal(t, ErrChanClosed, err, "Recv after the last value")
			_, _, err = c.TryRecv(ctx)
			require.Equal(t, ErrChanClosed, err, "TryRecv after the last value")
			require.Equal(t, ErrChanClosed, c.Send(ctx, 3), "Send")
			_, err = c.TrySend(ctx, 3)
			require.Equal(t, ErrChanClosed, err, "TrySend")
			require.Equal(t, ErrChanClosed, c.Close(ctx), "the second Close")
		})
	})
	t.Run("ends the waits", func(t *testing.T) {
		on(t, func(ctx context.Context, s *Scope) {
			var c Chan[string]
			var errs [4]error
			for i := range 2 {
				require.NoError(t, s.Go(func(ctx context.Context) error { errs[i] = c.Send(ctx, ""); return nil }))
			}
			settle(t, ctx)
			require.NoError(t, c.Close(ctx))
			var d Chan[string]
			for i := range 2 {
				require.NoError(t, s.Go(func(ctx context.Context) error { _, errs[2+i] = d.Recv(ctx); return nil }))
			}
			settle(t, ctx)
			require.NoError(t, d.Close(ctx))
			settle(t, ctx)
			require.Equal(t, [4]error{ErrChanClosed, ErrChanClosed, ErrChanClosed, ErrChanClosed}, errs)
			require.Equal(t, ChanStats{Closed: true}, c.Stats())
		})
	})
}

func TestChanInACancelledScope(t *testing.T) {
	on(t, func(ctx context.Context, outer *Scope) {
		require.Equal(t, errTest, WithScope(ctx, func(s *Scope) error {
			c := NewChan[int](2)
			require.NoError(t, s.Cancel(errTest))
			require.Equal(t, errTest, c.Send(s.Context(), 1), "Send, though there is room: it is a checkpoint")
			ok, err := c.TrySend(s.Context(), 1)
			require.NoError(t, err, "TrySend, which cleanup needs")
			require.True(t, ok)
			_, err = c.Recv(s.Context())
			require.Equal(t, errTest, err, "Recv, though there is a value")
			_, ok, err = c.TryRecv(s.Context())
			require.NoError(t, err)
			require.True(t, ok)
			require.NoError(t, c.Close(s.Context()))
			return errTest
		}))
	})
}

func TestChanEndsWithAContextFromElsewhere(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		var c Chan[int]
		timed, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		_, err := c.Recv(timed)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, c.Send(timed, 1), context.DeadlineExceeded)
		require.Equal(t, ChanStats{}, c.Stats())
		require.NoError(t, Yield(ctx), "the task's own scope")
	})
}

// A sender that always finds room is made to let others run.
func TestChanWithRoomDoesNotStarveOthers(t *testing.T) {
	on(t, func(ctx context.Context, s *Scope) {
		c := NewChan[int](10 * operationsPerResume)
		at := -1
		require.NoError(t, s.Go(func(context.Context) error { at = c.Len(); return nil }))
		for i := range 10 * operationsPerResume {
			require.NoError(t, c.Send(ctx, i))
		}
		require.LessOrEqual(t, at, operationsPerResume, "values sent before another task ran")
		require.NotEqual(t, -1, at, "another task never ran")
	})
}

func TestSyncKitRefusesImpossibleSizes(t *testing.T) {
	require.Panics(t, func() { NewChan[int](-1) })
	require.Panics(t, func() { NewSemaphore(-1) })
	require.Panics(t, func() { NewBroadcast[int](0) })
	require.Panics(t, func() { NewInbox[int](0) })
}

// Steady state: the waiters are there, the buffer has grown.
func TestChanDoesNotAllocate(t *testing.T) {
	if raceEnabled || !hasFastIdentity {
		t.Skip("the race detector allocates, and so does identity where there is no assembly for it")
	}
	for _, capacity := range []int{0, 1, 64} {
		t.Run(fmt.Sprintf("with capacity %d", capacity), func(t *testing.T) {
			on(t, func(ctx context.Context, s *Scope) {
				there, back := NewChan[[4]int](capacity), NewChan[*int](capacity)
				require.NoError(t, s.Go(func(ctx context.Context) error {
					for {
						if _, err := there.Recv(ctx); err != nil {
							return nil
						}
						_ = back.Send(ctx, nil)
					}
				}))
				require.Zero(t, testing.AllocsPerRun(200, func() {
					_ = there.Send(ctx, [4]int{})
					_, _ = back.Recv(ctx)
				}))
				var v *int
				cases := []Case{back.RecvCase(&v), there.SendCase([4]int{}), After(time.Hour)}
				require.LessOrEqual(t, testing.AllocsPerRun(200, func() {
					_, _ = Select(ctx, cases...)
				}), 0.0, "Select of cases that were made before")
				require.NoError(t, there.Close(ctx))
				require.NoError(t, back.Close(ctx))
			})
		})
	}
}
