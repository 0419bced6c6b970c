package coro

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEventWakesAllThatWait(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var event Event
		var order []int
		require.Equal(t, EventStats{}, event.Stats())
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			for i := range 10 {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					err := event.Wait(ctx)
					order = append(order, i)
					return err
				}))
			}
			settle(t, ctx)
			require.Equal(t, EventStats{Waiting: 10}, event.Stats())
			require.NoError(t, event.Set(ctx))
			require.Equal(t, EventStats{Set: true}, event.Stats())
			require.Empty(t, order, "tasks that ran inside Set")
			return event.Clear(ctx) // does not take back what was woken
		}))
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order, "the order in which waiting tasks run, want that in which they came")
		return nil
	}))
}

func TestEventThatIsSetDoesNotSuspend(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var event Event
		require.NoError(t, event.Set(ctx))
		require.NoError(t, event.Set(ctx))
		require.NoError(t, event.Wait(ctx))
		require.NoError(t, event.Clear(ctx))
		require.NoError(t, event.Clear(ctx))
		timed, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		require.ErrorIs(t, event.Wait(timed), context.DeadlineExceeded, "Wait for an event that was cleared")
		return nil
	}))
}

func TestEventWorksInACancelledScopeButForWait(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error {
			var event Event
			require.NoError(t, s.Cancel(errTest))
			require.NoError(t, event.Set(ctx), "Set, which cleanup needs")
			require.NoError(t, event.Clear(ctx))
			require.NoError(t, event.Set(ctx))
			require.Equal(t, errTest, event.Wait(ctx), "Wait for a set event in a cancelled scope: it is a checkpoint")
			return nil
		})
	}))
}

func TestEventForgetsACancelledTask(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var event Event
		err := WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(event.Wait))
			settle(t, ctx)
			require.Equal(t, 1, event.Stats().Waiting)
			return s.Cancel(errTest)
		})
		require.Equal(t, errTest, err)
		require.Equal(t, EventStats{}, event.Stats(), "an event after the task that waited was cancelled")
		return nil
	}))
}

func TestEventBelongsToOneLoop(t *testing.T) {
	var event Event
	require.Equal(t, ErrNoLoop, event.Wait(context.Background()))
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		done := make(chan struct{})
		go func() {
			defer close(done)
			require.Equal(t, ErrNotTask, event.Set(ctx), "Set from a plain goroutine")
			require.Equal(t, ErrNotTask, event.Wait(ctx), "Wait on a plain goroutine")
			require.Equal(t, ErrNotTask, event.Clear(ctx), "Clear from a plain goroutine")
		}()
		<-done
		return event.Set(ctx)
	}))
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		require.Equal(t, ErrWrongLoop, event.Set(ctx), "Set from a task of another loop")
		require.Equal(t, ErrWrongLoop, event.Wait(ctx), "Wait on a task of another loop")
		return nil
	}))
	t.Run("the one that comes first, also of two at once", func(t *testing.T) {
		for range 50 {
			var event Event
			var won atomic.Int32
			var all sync.WaitGroup
			for range 2 {
				all.Go(func() {
					_ = Run(context.Background(), func(ctx context.Context) error {
						if event.Set(ctx) == nil {
							won.Add(1)
						}
						return nil
					})
				})
			}
			all.Wait()
			require.EqualValues(t, 1, won.Load(), "loops that may use the event")
		}
	})
}
