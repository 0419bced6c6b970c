package coro

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTaskFailureReachesItsScope(t *testing.T) {
	t.Run("a panic, with the stack of the task and the place that spawned it", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			var panicked *PanicError
			err := e.run(func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(context.Context) error { panics("oh"); return nil }))
					err := Sleep(s.Context(), time.Hour)
					require.ErrorAs(t, err, new(*PanicError), "a sibling of a task that panics: the cause")
					return err
				})
			})
			require.ErrorAs(t, err, &panicked)
			require.Equal(t, "oh", panicked.Value)
			require.Contains(t, string(panicked.Stack), "coro.panics(")
			require.Contains(t, panicked.Spawned, "coro.TestTaskFailureReachesItsScope")
			require.Contains(t, panicked.Spawned, "task_test.go:")
		})
	})
	t.Run("a Goexit, as of t.FailNow, whose deferred functions have run", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			var exited *GoexitError
			cleaned := false
			err := e.run(func(ctx context.Context) error {
				err := WithScope(ctx, func(s *Scope) error {
					return s.Go(func(ctx context.Context) error {
						defer func() { cleaned = true }()
						runtime.Goexit()
						return nil
					})
				})
				task, _ := currentTaskOf(ctx)
				require.Equal(t, 1, task.loop().lost, "coroutines lost")
				require.NoError(t, Sleep(ctx, 1), "the loop lives")
				return err
			})
			require.ErrorAs(t, err, &exited)
			require.Contains(t, exited.Spawned, "coro.TestTaskFailureReachesItsScope")
			require.True(t, cleaned)
		})
	})
}

// A coroutine is used again after its function returned, failed or panicked, and
// nothing of the former life shows.
func TestTaskCoroutinesAreUsedAgain(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		used := map[*task]int{}
		for i := range 100 {
			err := WithScope(ctx, func(s *Scope) error {
				return s.Go(func(ctx context.Context) error {
					task, _ := currentTaskOf(ctx)
					used[task]++
					require.NoError(t, ctx.Err())
					require.NoError(t, task.result)
					require.NoError(t, Sleep(ctx, 1))
					switch i % 3 {
					case 1:
						return errTest
					case 2:
						panic(errTest)
					}
					return nil
				})
			})
			if i%3 != 0 {
				require.ErrorIs(t, err, errTest)
			}
		}
		require.Len(t, used, 1, "coroutines for 100 tasks, one after the other")
		return nil
	}))
}

// The result of a lookup comes when the task that wanted it has ended, and its
// coroutine is another task by then.
func TestTaskIsNotWokenByItsFormerLife(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for range 100 {
				asked, answer := make(chan struct{}), make(chan struct{})
				var first, second *task
				workers := NewWorkers("test", 1)
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						first, _ = currentTaskOf(ctx)
						_, err := BlockingOn(ctx, workers, func() (int, error) {
							close(asked)
							<-answer
							return 1, errTest
						})
						require.ErrorIs(t, err, context.Canceled)
						return nil
					}))
					settle(t, ctx)
					<-asked
					return s.Cancel(nil)
				}))
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						second, _ = currentTaskOf(ctx)
						close(answer)
						// What comes late leaves its place, and does no more.
						value, err := BlockingOn(ctx, workers, func() (int, error) { return 2, nil })
						require.Equal(t, 2, value, "the result of the second life")
						return err
					}))
					return nil
				}))
				require.True(t, first == second, "the two tasks: want one coroutine")
				require.Equal(t, WorkersStats{Name: "test", Limit: 1, Done: 2}, workers.Stats(), "nobody left")
			}
		})
	})
}

// Nothing that a cancelled wait leaves behind, a timer or a waiter, reaches a
// later wait of the same task.
func TestTaskWaitsLeaveNothingBehind(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { return s.Cancel(nil) }))
				require.ErrorIs(t, Sleep(ctx, 3*time.Millisecond), context.Canceled)
				return nil
			}))
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				reader := background(t, s, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) })
				settle(t, ctx)
				require.NoError(t, a.SetReadDeadline(time.Now().Add(-1)))
				_, err := reader.wait(ctx)
				require.Error(t, err)
				require.NoError(t, a.SetReadDeadline(time.Time{}))
				require.False(t, a.src.Waiting(0), "the connection has a waiter")
				return nil
			}))
			before := time.Now()
			require.NoError(t, Sleep(ctx, 10*time.Millisecond))
			require.GreaterOrEqual(t, time.Since(before), 10*time.Millisecond, "a Sleep after one that was cut short")
			_, err := b.Write([]byte("x"))
			require.NoError(t, err)
			n, err := a.Read(make([]byte, 8))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	})
}

// A connection that always has data, and room, lets others run after its budget.
func TestTaskThatNeverWaitsYieldsAfterItsBudget(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			const rounds = 1000
			_, err := b.Write(make([]byte, rounds))
			require.NoError(t, err)
			steps, longest, since := 0, 0, 0
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				ended := false
				require.NoError(t, s.Go(func(context.Context) error {
					defer func() { ended = true }()
					one := make([]byte, 1)
					for range rounds {
						if _, err := a.Read(one); err != nil {
							return err
						}
						since++
						longest = max(longest, since)
					}
					return nil
				}))
				for !ended {
					require.NoError(t, Yield(ctx))
					steps++
					since = 0
				}
				return nil
			}))
			require.LessOrEqual(t, longest, 1+operationsPerResume, "the first read, which waited, and further reads in a row of a connection that always has data, with another task ready")
			require.GreaterOrEqual(t, steps, rounds/operationsPerResume, "turns of the other task meanwhile")
		})
	})
	t.Run("also a single Write that always finds room", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				a, _ := e.pair(ctx)
				steps := 0
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					ended := false
					require.NoError(t, s.Go(func(context.Context) error {
						defer func() { ended = true }()
						// The socket takes a byte at a time.
						e.os.writeMost = 1
						_, err := a.Write(make([]byte, 10*operationsPerResume))
						e.os.writeMost = 0
						return err
					}))
					for !ended {
						require.NoError(t, Yield(ctx))
						steps++
					}
					return nil
				}))
				require.GreaterOrEqual(t, steps, 9, "turns of another task, during a Write of 10 budgets")
			})
		})
	})
}

// The only task that is ready would go on at once, 256 times in a turn, and
// nobody looked at the descriptors meanwhile.
func TestTaskThatNeverWaitsLetsTheLoopLookForEvents(t *testing.T) {
	const resumes = 50
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		before, err := Stats(ctx)
		require.NoError(t, err)
		var m Mutex
		for range resumes {
			for range operationsPerResume {
				require.NoError(t, m.Lock(ctx))
				require.NoError(t, m.Unlock())
			}
			for began := time.Now(); time.Since(began) < longTurn; { // an operation that takes long
			}
		}
		after, err := Stats(ctx)
		require.NoError(t, err)
		require.GreaterOrEqual(t, after.Reactor.Turns-before.Reactor.Turns, uint64(resumes-1), "turns of the loop")
		return nil
	}))
}

func TestTaskStatesAndWaitsHaveNames(t *testing.T) {
	for state, want := range map[fmt.Stringer]string{
		taskIdle: "idle", taskReady: "ready", taskRunning: "running", taskParked: "parked", taskLost: "lost",
		waitNothing: "nothing", waitRead: "read", waitWrite: "write", waitTimer: "timer",
		waitQueued: "queue", waitBlocking: "blocking call", waitChildren: "children",
		waitSignal: "signal", waitProcess: "process", waitDial: "dial", ipv6: "ip6", ipv4: "ip4",
		jobQueued: "queued", jobRunning: "running", jobDone: "done", jobWithdrawn: "withdrawn", jobAbandoned: "abandoned",
	} {
		require.Equal(t, want, state.String())
	}
}

// A parked task tells what it waits for.
func TestTaskKnowsWhatItWaitsFor(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c, _ := e.pair(ctx)
			full, _ := e.pair(ctx)
			fill(t, full)
			ln := e.listen(ctx)
			err := WithScope(ctx, func(s *Scope) error {
				for _, want := range []struct {
					kind      waitKind
					operation func(ctx context.Context) error
				}{
					{waitRead, func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err }},
					{waitQueued, func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err }},
					{waitWrite, func(context.Context) error { _, err := full.Write(make([]byte, 1<<20)); return err }},
					{waitRead, func(context.Context) error { _, err := ln.Accept(); return err }},
					{waitTimer, func(ctx context.Context) error { return Sleep(ctx, time.Hour) }},
					{waitQueued, func(ctx context.Context) error { return new(Event).Wait(ctx) }},
					{waitBlocking, func(ctx context.Context) error {
						_, err := Blocking(ctx, func() (int, error) { <-ctx.Done(); return 0, nil })
						return err
					}},
					{waitDial, func(ctx context.Context) error {
						_, err := Dialer{Resolver: hangingResolver()}.Dial(ctx, "tcp", newName())
						return err
					}},
					{waitChildren, func(ctx context.Context) error {
						return WithScope(ctx, func(s *Scope) error {
							return s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) })
						})
					}},
				} {
					var waiting *task
					require.NoError(t, s.Go(func(ctx context.Context) error {
						waiting, _ = currentTaskOf(ctx)
						return want.operation(ctx)
					}))
					settle(t, ctx)
					require.Equal(t, taskParked, waiting.state)
					require.Equal(t, want.kind.String(), waiting.waits.String())
				}
				return s.Cancel(errTest)
			})
			require.ErrorIs(t, err, errTest)
		})
	})
}

// A function that Serve or Go is given from a place that was inlined is found.
func TestTaskSpawnSiteOfAnInlinedCaller(t *testing.T) {
	spawn := func(s *Scope) error { return s.Go(func(context.Context) error { panic(1) }) }
	err := Run(t.Context(), func(ctx context.Context) error { return WithScope(ctx, spawn) })
	var panicked *PanicError
	require.ErrorAs(t, err, &panicked)
	require.Contains(t, panicked.Spawned, "coro.TestTaskSpawnSiteOfAnInlinedCaller")
}
