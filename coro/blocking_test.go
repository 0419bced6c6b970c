package coro

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBlockingReturnsWhatItsFunctionReturns(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			n, err := Blocking(ctx, func() (int, error) { return 7, errTest })
			require.Equal(t, 7, n)
			require.True(t, err == errTest, "the error: got %v", err)
			s, err := Blocking(ctx, func() (string, error) { return "done", nil })
			require.NoError(t, err)
			require.Equal(t, "done", s)
		})
	})
}

// The function runs on another goroutine, and other tasks make progress.
func TestBlockingLeavesTheLoopToOthers(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			steps, enough := 0, make(chan struct{})
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(ctx context.Context) (int, error) {
					return Blocking(ctx, func() (int, error) { <-enough; return 1, nil })
				})
				for ; steps < 100; steps++ {
					require.NoError(t, Yield(ctx))
				}
				require.False(t, p.done.set)
				close(enough)
				_, err := p.wait(ctx)
				return err
			}))
		})
	})
}

func TestBlockingCancelledInTheQueueNeverRuns(t *testing.T) {
	for name, cancelled := range cancellations {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				w := NewWorkers("test", 1)
				e.try(func(ctx context.Context) {
					release := make(chan struct{})
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						first := background(t, s, func(ctx context.Context) (int, error) {
							return BlockingOn(ctx, w, func() (int, error) { <-release; return 1, nil })
						})
						settle(t, ctx)
						cancelled(t, ctx, func(ctx context.Context) error {
							_, err := BlockingOn(ctx, w, func() (int, error) { panic("it was cancelled in the queue, and runs") })
							return err
						})
						require.Equal(t, WorkersStats{Name: "test", Limit: 1, Running: 1}, w.Stats(), "the queue is empty")
						close(release)
						_, err := first.wait(ctx)
						return err
					}))
					require.Equal(t, WorkersStats{Name: "test", Limit: 1, Done: 1}, w.Stats())
				})
			})
		})
	}
}

// The task does not wait, the result is dropped, and the place is taken for as
// long as the function runs.
func TestBlockingCancelledWhileItRunsKeepsItsPlace(t *testing.T) {
	for name, cancelled := range cancellations {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				w := NewWorkers("test", 1)
				e.try(func(ctx context.Context) {
					release := make(chan struct{})
					cancelled(t, ctx, func(ctx context.Context) error {
						n, err := BlockingOn(ctx, w, func() (int, error) { <-release; return 1, errors.New("dropped") })
						require.Zero(t, n, "the value of a call that was cancelled")
						return err
					})
					require.Equal(t, 1, w.Stats().Running, "a function that runs with nobody to wait for it")
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						next := background(t, s, func(ctx context.Context) (int, error) {
							return BlockingOn(ctx, w, func() (int, error) { return 2, nil })
						})
						settle(t, ctx)
						require.Equal(t, WorkersStats{Name: "test", Limit: 1, Running: 1, Waiting: 1}, w.Stats())
						close(release)
						n, err := next.wait(ctx)
						require.Equal(t, 2, n)
						return err
					}))
					require.Equal(t, WorkersStats{Name: "test", Limit: 1, Done: 2}, w.Stats())
				})
				require.Empty(t, e.log.lines(), "a result that is dropped is worth no line")
			})
		})
	}
}

// cancellations are the ways in which an operation that waits is cancelled.
var cancellations = map[string]func(t *testing.T, ctx context.Context, operation func(context.Context) error){
	"by its scope": func(t *testing.T, ctx context.Context, operation func(context.Context) error) {
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			p := background(t, s, func(ctx context.Context) (int, error) {
				err := operation(ctx)
				require.ErrorIs(t, err, errTest)
				return 0, nil
			})
			settle(t, ctx)
			require.False(t, p.done.set, "before the cancellation: the operation has ended with %v", p.err)
			return s.Cancel(errTest)
		}))
	},
	"by its context": func(t *testing.T, ctx context.Context, operation func(context.Context) error) {
		ended, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			p := background(t, s, func(context.Context) (int, error) { return 0, operation(ended) })
			settle(t, ctx)
			require.False(t, p.done.set, "before the cancellation: the operation has ended with %v", p.err)
			cancel(errTest)
			_, err := p.wait(ctx)
			require.ErrorIs(t, err, errTest)
			return nil
		}))
	},
}

// The function has returned, and the scope is cancelled, before the task runs
// again: in either order the result counts.
func TestBlockingCompletedIsNeverCancelled(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for _, order := range []string{"the result has woken the task", "the result is on its way"} {
				w := NewWorkers("test", 1)
				var n int
				var failed error
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					var waiting *task
					release := make(chan struct{})
					require.NoError(t, s.Go(func(ctx context.Context) error {
						waiting, _ = currentTaskOf(ctx)
						n, failed = BlockingOn(ctx, w, func() (int, error) { <-release; return 5, nil })
						return nil
					}))
					settle(t, ctx)
					close(release)
					if order == "the result is on its way" {
						for w.Stats().Done == 0 { // without letting the loop take what was posted
							runtime.Gosched()
						}
						require.Equal(t, taskParked, waiting.state)
					}
					if order == "the result has woken the task" {
						passUntil(ctx, func() bool { return waiting.state != taskParked })
					}
					return s.Cancel(errTest)
				}))
				require.NoError(t, failed, order)
				require.Equal(t, 5, n, order)
			}
		})
	})
}

// The task has taken the outcome, and what the loop was posted comes after it.
func TestBlockingThatArrivesLateWakesNobody(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			task, _ := currentTaskOf(ctx)
			w := NewWorkers("test", 1)
			j := w.submit(task, func() error { return nil })
			for !w.isDone(j) {
				runtime.Gosched()
			}
			require.True(t, j.end())
			const d = 20 * time.Millisecond
			before := time.Now()
			require.NoError(t, Sleep(ctx, d))
			require.GreaterOrEqual(t, time.Since(before), d, "a Sleep during which it arrived")
		})
	})
}

func TestBlockingPanicGoesOnInTheTask(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		w := NewWorkers("test", 1)
		err := e.run(func(ctx context.Context) error {
			require.NoError(t, SetName(ctx, "somebody"))
			_, err := BlockingOn(ctx, w, func() (int, error) { panics(errTest); return 0, nil })
			return fmt.Errorf("it returned %w", err)
		})
		var panicked *PanicError
		require.ErrorAs(t, err, &panicked)
		require.True(t, err == error(panicked), "Run: got %v, want the panic as it is, not one around it", err)
		require.Equal(t, errTest, panicked.Value)
		require.ErrorIs(t, err, errTest)
		require.Contains(t, string(panicked.Stack), "coro.panics", "the stack of the function's goroutine")
		require.Contains(t, panicked.Spawned, "coro.(*env).runWith", "where the task was spawned")
		require.Equal(t, "test", panicked.Workers)
		require.Equal(t, "somebody", panicked.Name)
		require.Contains(t, err.Error(), `on workers "test" for the task "somebody"`)
		require.Equal(t, WorkersStats{Name: "test", Limit: 1, Done: 1, Panics: 1}, w.Stats())
	})
	t.Run("which may recover it", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				func() {
					defer func() {
						panicked, ok := recover().(*PanicError)
						require.True(t, ok, "what recover returns: want a *PanicError")
						require.Equal(t, "value", panicked.Value)
					}()
					_, _ = Blocking(ctx, func() (int, error) { panic("value") })
				}()
				require.NoError(t, Sleep(ctx, 1), "and goes on")
			})
		})
	})
	t.Run("is logged if the task has gone", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				release := make(chan struct{})
				cancellations["by its scope"](t, ctx, func(ctx context.Context) error {
					_, err := Blocking(ctx, func() (int, error) { <-release; panics("late"); return 0, nil })
					return err
				})
				close(release)
			})
			line := e.log.find("ERROR coro: panic in a function that no task waits for any more")
			require.Contains(t, line, "panic=late workers=blocking task=")
			require.Contains(t, line, "coro.panics")
		})
	})
}

func TestBlockingGoexitIsAnError(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		w := NewWorkers("test", 1)
		e.try(func(ctx context.Context) {
			_, err := BlockingOn(ctx, w, func() (int, error) { runtime.Goexit(); return 1, nil })
			var exited *GoexitError
			require.ErrorAs(t, err, &exited)
			require.Equal(t, "test", exited.Workers)
			require.Contains(t, exited.Spawned, "coro.(*env).runWith")
			require.Contains(t, err.Error(), `on workers "test"`)

			var panicked *PanicError // Goexit goes on after a panic on its way
			func() {
				defer func() { panicked, _ = recover().(*PanicError) }()
				_, _ = BlockingOn(ctx, w, func() (int, error) { defer panic(errTest); runtime.Goexit(); return 1, nil })
			}()
			require.Equal(t, errTest, panicked.Value)

			n, err := BlockingOn(ctx, w, func() (int, error) { return 1, nil })
			require.NoError(t, err, "the place is free again")
			require.Equal(t, 1, n)
			require.Equal(t, WorkersStats{Name: "test", Limit: 1, Done: 3, Panics: 1}, w.Stats())
		})
	})
	t.Run("and is logged if the task has gone", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				release := make(chan struct{})
				cancellations["by its scope"](t, ctx, func(ctx context.Context) error {
					_, err := Blocking(ctx, func() (int, error) { <-release; runtime.Goexit(); return 0, nil })
					return err
				})
				close(release)
			})
			require.NotEmpty(t, e.log.find("ERROR coro: a function that no task waits for any more called runtime.Goexit"))
		})
	})
}

// A thread that a function leaves locked ends with it, and is not the next one's.
func TestBlockingFunctionsHaveAGoroutineEach(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		w := NewWorkers("test", 1)
		e.try(func(ctx context.Context) {
			seen := map[int]bool{}
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for range 10 { // all but the first one wait in the queue
					require.NoError(t, s.Go(func(ctx context.Context) error {
						n, err := BlockingOn(ctx, w, func() (uintptr, error) { return goroutineNumber(), nil })
						seen[int(n)] = true
						return err
					}))
				}
				return nil
			}))
			require.Len(t, seen, 10, "goroutines of 10 functions, of which one runs at a time")
		})
	})
}

// Hundreds of calls that are cancelled while they wait and while they run.
func TestBlockingSurvivesAStormOfCancellations(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		w := NewWorkers("storm", 4)
		e.try(func(ctx context.Context) {
			for round := range 50 {
				release := make(chan struct{})
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					for i := range 40 {
						require.NoError(t, s.Go(func(ctx context.Context) error {
							_, err := BlockingOn(ctx, w, func() (int, error) {
								if i%2 == round%2 {
									<-release
								}
								return i, nil
							})
							if err != nil {
								require.Equal(t, errTest, err)
							}
							return nil
						}))
					}
					for range round % 5 {
						require.NoError(t, Yield(ctx))
					}
					return s.Cancel(errTest)
				}))
				require.Zero(t, w.Stats().Waiting, "functions that wait, when all tasks have ended")
				close(release)
			}
		})
		stats := w.Stats()
		require.Zero(t, stats.Running, "functions that run, when Run has returned")
		require.Zero(t, stats.Waiting)
	})
}

// The function outlives main, and Run waits for it.
func TestRunWaitsForBlockingFunctions(t *testing.T) {
	w := NewWorkers("test", 1)
	release, returned := make(chan struct{}), make(chan error)
	started := make(chan struct{})
	go func() {
		returned <- Run(context.Background(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				if err := s.Go(func(ctx context.Context) error {
					_, err := BlockingOn(ctx, w, func() (int, error) { close(started); <-release; return 0, nil })
					return err
				}); err != nil {
					return err
				}
				if err := Yield(ctx); err != nil {
					return err
				}
				return errTest
			})
		})
	}()
	wait(t, started, "the function")
	select {
	case err := <-returned:
		t.Fatalf("Run returned %v with a function that runs", err)
	default:
	}
	close(release)
	require.Equal(t, errTest, wait(t, returned, "Run"))
	require.Equal(t, WorkersStats{Name: "test", Limit: 1, Done: 1}, w.Stats())
}

func TestBlockingIsForTasks(t *testing.T) {
	never := func() (int, error) { panic("it ran") }
	_, err := Blocking(context.Background(), never)
	require.Equal(t, ErrNoLoop, err)
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		outside(t, ctx, func() {
			_, err := Blocking(ctx, never)
			require.Equal(t, ErrNotTask, err)
		})
		n, err := Blocking(ctx, func() (int, error) { return Blocking(ctx, never) })
		require.Equal(t, ErrNotTask, err, "Blocking from a function of Blocking")
		require.Zero(t, n)
		return nil
	}))
}
