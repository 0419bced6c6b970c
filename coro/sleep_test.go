package coro

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSleepIsNeverEarly(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for _, d := range []time.Duration{1, time.Microsecond, time.Millisecond, 3 * time.Millisecond, 11*time.Millisecond + 1} {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						for range 3 {
							before := time.Now()
							require.NoError(t, Sleep(ctx, d))
							require.GreaterOrEqual(t, time.Since(before), d, "Sleep(%v)", d)
						}
						return nil
					}))
				}
				return nil
			}))
		})
	})
}

func TestSleepLetsOthersRun(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var order []string
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for _, name := range []string{"a", "b"} {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						order = append(order, name+" sleeps")
						require.NoError(t, Sleep(ctx, time.Millisecond))
						order = append(order, name+" wakes")
						return nil
					}))
				}
				return nil
			}))
			require.Equal(t, []string{"a sleeps", "b sleeps", "a wakes", "b wakes"}, order)
		})
	})
}

func TestSleepOfNothingYields(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		for _, d := range []time.Duration{0, -1, math.MinInt64} {
			ran := false
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { ran = true; return nil }))
				require.NoError(t, Sleep(ctx, d))
				require.True(t, ran, "a task that was ready, after Sleep(%v): it did not run", d)
				return nil
			}))
		}
		return nil
	}))
}

func TestSleepForEverEndsWithACancellation(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(func(context.Context) error { return s.Cancel(errTest) }))
			require.Equal(t, errTest, Sleep(ctx, math.MaxInt64))
			return nil
		}))
		return nil
	}))
}

func TestYieldLetsEveryReadyTaskRunFirst(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			const tasks, rounds = 300, 4 // more tasks than a turn's budget
			var order []int
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for i := range tasks {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						for range rounds {
							order = append(order, i)
							require.NoError(t, Yield(ctx))
						}
						return nil
					}))
				}
				return nil
			}))
			require.Len(t, order, tasks*rounds)
			for i, got := range order {
				require.Equal(t, i%tasks, got, "step %d of %d tasks that yield, want first in, first out", i, tasks)
			}
		})
	})
}

func TestYieldFailsUnderACancellation(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		over, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		require.Equal(t, errTest, Yield(over), "Yield with a context that has ended")
		require.Equal(t, errTest, Sleep(over, 0), "Sleep(0) with a context that has ended")
		require.NoError(t, Yield(ctx))
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(func(context.Context) error { return s.Cancel(errTest) }))
			require.Equal(t, errTest, Yield(ctx), "Yield during which the scope is cancelled")
			return nil
		}))
		return nil
	}))
}

func TestSleepOutsideOfATaskIsAnError(t *testing.T) {
	require.Equal(t, ErrNoLoop, Sleep(context.Background(), 1))
	require.Equal(t, ErrNoLoop, Sleep(context.Background(), 0))
	require.Equal(t, ErrNoLoop, Yield(context.Background()))
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		done := make(chan struct{})
		go func() {
			defer close(done)
			require.Equal(t, ErrNotTask, Sleep(ctx, 1))
			require.Equal(t, ErrNotTask, Sleep(ctx, 0))
			require.Equal(t, ErrNotTask, Yield(ctx))
		}()
		<-done
		return nil
	}))
}
