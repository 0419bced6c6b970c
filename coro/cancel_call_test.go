package coro

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScopeCancel(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Cancel(nil))
			require.Equal(t, context.Canceled, Yield(ctx), "after Cancel(nil)")
			require.NoError(t, s.Cancel(errTest), "Cancel in a cancelled scope")
			require.Equal(t, context.Canceled, Yield(ctx), "after a second Cancel: the first counts")
			return nil
		}))
		// Cancelling from inside what a cancellation set off.
		err := WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(func(ctx context.Context) error {
				err := Sleep(ctx, time.Hour)
				require.NoError(t, s.Cancel(errors.New("another")))
				return err
			}))
			settle(t, ctx)
			return s.Cancel(errTest)
		})
		require.Equal(t, errTest, err)
		return nil
	}))
}

func TestScopeRefusesToBeginUnderACancellation(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		body := func(*Scope) error { panic("it ran") }
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Cancel(errTest))
			require.Equal(t, errTest, WithScope(ctx, body), "WithScope in a cancelled scope")
			return nil
		}))
		over, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		require.Equal(t, errTest, WithScope(over, body), "WithScope with a context that has ended")
		return nil
	}))
}

// The loop's queue is full when a context ends.
func TestScopeIsCancelledAlsoWhenTheQueueOfPostsIsFull(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		c := e.config()
		c.Reactor.Limits.MaxPosted = 1
		require.NoError(t, e.runWith(c, func(ctx context.Context) error {
			timed, cancel := context.WithCancelCause(ctx)
			return WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					task, _ := currentTaskOf(ctx)
					require.NoError(t, task.loop().reactor.Post(func() {})) // the one there is room for
					cancel(errTest)
					for i := 0; i < 1000; i++ {
						runtime.Gosched() // let the context's goroutine try
					}
					return nil
				}))
				require.Equal(t, errTest, Sleep(timed, time.Hour))
				return nil
			})
		}))
	})
}
