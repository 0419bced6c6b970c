package coro

import (
	"bytes"
	"context"
	"net"
	"runtime/pprof"
	"runtime/trace"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMeasureAddsUpRunningTimeAndSchedulingDelay(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		config := e.config()
		config.Measure = true
		require.NoError(t, e.runWith(config, func(ctx context.Context) error {
			for begin := time.Now(); time.Since(begin) < 5*time.Millisecond; {
			}
			require.NoError(t, Sleep(ctx, time.Millisecond))
			require.GreaterOrEqual(t, tasksOf(t, ctx)[1].Running, 5*time.Millisecond)
			before, err := Stats(ctx)
			require.NoError(t, err)
			for range 10 {
				require.NoError(t, Yield(ctx))
			}
			after, err := Stats(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 10, after.SchedulingDelay.Count()-before.SchedulingDelay.Count())
			require.NoError(t, WithScope(ctx, func(s *Scope) error { return s.Go(nothing) }))
			tk, _ := currentTaskOf(ctx)
			require.Len(t, tk.loop().meter.spent, 1, "tasks that have ended are forgotten")
			return nil
		}))
	})
}

func TestStatsCountTasksWithoutMeasuring(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		config := e.config()
		config.Name = "counted"
		require.NoError(t, e.runWith(config, func(ctx context.Context) error {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(nothing))
				require.NoError(t, s.Go(nothing))
				s1, err := Stats(ctx)
				require.NoError(t, err)
				require.Equal(t, 3, s1.Tasks)
				require.EqualValues(t, 3, s1.Spawned)
				return nil
			}))
			s, err := Stats(ctx)
			require.NoError(t, err)
			require.Equal(t, []any{"counted", 1, uint64(3), 2, 0}, []any{s.Name, s.Tasks, s.Spawned, s.Idle, s.Lost})
			require.Zero(t, s.SchedulingDelay.Count())
			require.Positive(t, s.Reactor.Tasks)
			for _, l := range Loops() {
				if l.Loop == s.Loop {
					require.Equal(t, "counted", l.Name)
					require.False(t, l.Silent)
					return nil
				}
			}
			t.Error("the loop is not among all loops")
			return nil
		}))
		_, err := Stats(context.Background())
		require.ErrorIs(t, err, ErrNoLoop)
	})
}

// labelled is the goroutine profile as text: per stack its labels.
func labelled(t *testing.T) string {
	t.Helper()
	var text bytes.Buffer
	require.NoError(t, pprof.Lookup("goroutine").WriteTo(&text, 1))
	return text.String()
}

func TestProfileLabelsNameTheTaskUpToItsEnd(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		config := e.config()
		config.Name, config.ProfileLabels = "front", true
		require.NoError(t, e.runWith(config, func(ctx context.Context) error {
			main := `"coro.loop":"front", "coro.task":"github.com/weft-go/weft/coro.(*env).runWith"`
			require.Contains(t, labelled(t), main)
			ln := e.listen(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return Serve(ctx, ln, func(_ context.Context, c net.Conn) error { return read(c) })
				}))
				require.NoError(t, s.Go(func(ctx context.Context) error {
					require.NoError(t, SetName(ctx, "by name"))
					return Sleep(ctx, time.Millisecond)
				}))
				client := e.dial(ctx, ln)
				settle(t, ctx)
				text := labelled(t)
				require.Contains(t, text, `"coro.task":"by name"`)
				require.Regexp(t, `"coro.task":"[^"]*TestProfileLabelsNameTheTaskUpToItsEnd[^"]*"`, text)
				require.NoError(t, client.Close())
				return ln.Close()
			}))
			text := labelled(t)
			require.NotContains(t, text, "by name", "labels of a task that has ended")
			require.NotContains(t, text, `TestProfileLabelsNameTheTaskUpToItsEnd.func1.1.`, "labels of tasks that have ended")
			tk, _ := currentTaskOf(ctx)
			require.Empty(t, tk.loop().labels.byName)

			pprof.Do(ctx, pprof.Labels("request", "7"), func(context.Context) {
				text := labelled(t)
				require.Contains(t, text, `"request":"7"`)
				require.Contains(t, text, main[:len(main)-1])
				require.NoError(t, Yield(ctx))
			})
			text = labelled(t)
			require.NotContains(t, text, `"request":"7"`)
			require.Contains(t, text, main, "pprof.Do puts the task's labels back")
			return nil
		}))
		require.NotContains(t, labelled(t), "coro.task")
	})
}

// A coroutine is used again: what one task labels it with is gone for the next.
func TestLabelsOfPprofDoEndWithIt(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				pprof.Do(ctx, pprof.Labels("request", "7"), func(context.Context) {
					require.NoError(t, s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Millisecond) }))
					require.NoError(t, Yield(ctx))
					require.Contains(t, labelled(t), `"request":"7"`, "of the task itself")
				})
				require.False(t, strings.Contains(labelled(t), `"request":"7"`), "labels of a task that was spawned inside")
				return nil
			}))
		})
	})
}

func TestProfileLabelsAllocateNothingForATaskSpawnedAgain(t *testing.T) {
	if raceEnabled || !hasFastIdentity {
		t.Skip("the race detector allocates, and so does identity where there is no assembly for it")
	}
	onTCP(t, func(t *testing.T, e *env) {
		config := e.config()
		config.ProfileLabels, config.Measure = true, true
		require.NoError(t, e.runWith(config, func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				require.Zero(t, testing.AllocsPerRun(100, func() {
					_ = s.Go(nothing)
					_ = Yield(ctx)
				}))
				return nil
			})
		}))
	})
}

func TestTraceHasARegionForEachTaskAndWait(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		var recorded bytes.Buffer
		require.NoError(t, trace.Start(&recorded))
		err := e.run(func(ctx context.Context) error {
			a, b := e.pair(ctx)
			return WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { return read(a) }))
				require.NoError(t, Sleep(ctx, time.Millisecond))
				_, err := b.Write([]byte{1})
				return err
			})
		})
		trace.Stop()
		require.NoError(t, err)
		for _, region := range []string{
			"coro.task github.com/weft-go/weft/coro.TestTraceHasARegionForEachTaskAndWait",
			"coro.wait read", "coro.wait timer", "coro.wait children",
		} {
			require.Contains(t, recorded.String(), region)
		}
	})
}
