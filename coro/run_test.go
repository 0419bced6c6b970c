package coro

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

var errTest = errors.New("the test's error")

func TestRunReturnsMainsError(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		require.NoError(t, e.run(func(context.Context) error { return nil }))
		err := e.run(func(context.Context) error { return errTest })
		require.True(t, err == errTest, "Run of a main that fails: got %v, want main's error as it is", err)
	})
}

func TestRunReturnsWhenMainAndEveryTaskHaveEnded(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		ended := 0
		e.try(func(ctx context.Context) {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for range 10 {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						err := WithScope(ctx, func(s *Scope) error {
							return s.Go(func(ctx context.Context) error {
								defer func() { ended++ }()
								return Sleep(ctx, time.Millisecond)
							})
						})
						ended++
						return err
					}))
				}
				return nil
			}))
			ended++
		})
		require.Equal(t, 21, ended, "tasks that have ended when Run returns: 10, one inside each, and main")
	})
}

func TestRunUsesTheCallersGoroutine(t *testing.T) {
	var home, inside uintptr
	home = currentG()
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		task, err := currentTaskOf(ctx)
		require.NoError(t, err)
		inside = task.loop().home.Load()
		return nil
	}))
	require.Equal(t, home, inside, "the loop's goroutine, want the one that called Run")
}

//go:noinline
func panics(value any) { panic(value) }

func TestRunReturnsAPanicInMain(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		var panicked *PanicError
		err := e.run(func(context.Context) error { panics("oh"); return nil })
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, "oh", panicked.Value)
		require.Contains(t, string(panicked.Stack), "coro.panics(", "the stack, want the function that panicked")
		require.Contains(t, panicked.Spawned, "runWith", "where main was spawned, want the function that called Run")
		require.Contains(t, err.Error(), "panic in the task spawned at")
		require.Contains(t, err.Error(), "oh")
	})
	t.Run("the function Run names its caller", func(t *testing.T) {
		var panicked *PanicError
		require.ErrorAs(t, Run(t.Context(), func(context.Context) error { panics(1); return nil }), &panicked)
		require.Contains(t, panicked.Spawned, "coro.TestRunReturnsAPanicInMain.func2 (")
		require.Contains(t, panicked.Spawned, "run_test.go:")
	})
	t.Run("a panic with an error unwraps to it", func(t *testing.T) {
		err := Run(t.Context(), func(context.Context) error { panics(errTest); return nil })
		require.ErrorIs(t, err, errTest)
	})
	t.Run("panic(nil) is a panic", func(t *testing.T) {
		err := Run(t.Context(), func(context.Context) error { panics(nil); return nil })
		require.ErrorAs(t, err, new(*PanicError))
		require.ErrorAs(t, err, new(*runtime.PanicNilError))
	})
	t.Run("a panic over a panic is the last one", func(t *testing.T) {
		var panicked *PanicError
		err := Run(t.Context(), func(context.Context) error {
			defer panics("second")
			panics("first")
			return nil
		})
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, "second", panicked.Value)
	})
}

// The goroutines these leave behind are the ones TestMain excuses.
func TestRunReturnsGoexitInMain(t *testing.T) {
	t.Run("it is named, and deferred functions have run", func(t *testing.T) {
		cleaned := false
		var exited *GoexitError
		err := Run(t.Context(), func(context.Context) error {
			defer func() { cleaned = true }()
			runtime.Goexit()
			return nil
		})
		require.ErrorAs(t, err, &exited)
		require.Contains(t, exited.Spawned, "coro.TestRunReturnsGoexitInMain")
		require.Contains(t, err.Error(), "called runtime.Goexit")
		require.True(t, cleaned, "a deferred function of a main that called Goexit: it did not run")
	})
	t.Run("a deferred function may suspend", func(t *testing.T) {
		err := Run(t.Context(), func(ctx context.Context) error {
			defer func() { require.NoError(t, Sleep(ctx, time.Millisecond)) }()
			runtime.Goexit()
			return nil
		})
		require.ErrorAs(t, err, new(*GoexitError))
	})
	t.Run("a panic on the way is named too, and does not end the loop", func(t *testing.T) {
		var panicked *PanicError
		err := Run(t.Context(), func(context.Context) error {
			defer panics("on the way")
			runtime.Goexit()
			return nil
		})
		require.ErrorAs(t, err, new(*GoexitError))
		require.ErrorAs(t, err, &panicked)
		require.Equal(t, "on the way", panicked.Value)
	})
}

func TestRunInsideATaskIsRefused(t *testing.T) {
	inner := func(context.Context) error { return errors.New("it ran") }
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		require.Equal(t, ErrNested, Run(ctx, inner), "Run with the task's context")
		require.Equal(t, ErrNested, Run(context.Background(), inner), "Run with another context")
		require.Equal(t, ErrNested, Config{MaxIdle: 1}.Run(context.Background(), inner), "Config.Run")
		return nil
	}))
	t.Run("on a goroutine that a task started it is not", func(t *testing.T) {
		ended := make(chan error, 1)
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			go func() { ended <- Run(ctx, func(ctx context.Context) error { return Yield(ctx) }) }()
			return nil
		}))
		require.NoError(t, ignoreCanceled(wait(t, ended, "Run on another goroutine")))
	})
}

// ignoreCanceled: the outer Run may have ended first, and its context with it.
func ignoreCanceled(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func TestRunUnderAContextThatHasEnded(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errTest)
		cleaned := false
		err := e.config().Run(ctx, func(ctx context.Context) error {
			cleaned = true
			require.ErrorIs(t, context.Cause(ctx), errTest, "the cause in main's context")
			return Sleep(ctx, time.Hour)
		})
		require.True(t, err == errTest, "Run under an ended context: got %v, want its cause", err)
		require.True(t, cleaned, "main under an ended context: it did not run")
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		err := e.config().Run(ctx, func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				for range 3 {
					require.NoError(t, s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) }))
				}
				settle(t, ctx)
				go cancel(errTest)
				return Sleep(ctx, time.Hour)
			})
		})
		require.True(t, err == errTest, "Run whose context ends: got %v, want the cause, once", err)
	})
	t.Run("a main that returns nil all the same has succeeded", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, Run(ctx, func(ctx context.Context) error {
			cancel()
			require.ErrorIs(t, Sleep(ctx, time.Hour), context.Canceled)
			return nil
		}))
	})
}

func TestRunClosesConnectionsAndListeners(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		var peer net.Conn
		var c *Conn
		var ln *Listener
		e.try(func(ctx context.Context) {
			peer, c = e.peer(ctx)
			ln = e.listen(ctx)
		})
		require.NoError(t, peer.SetDeadline(time.Now().Add(stuck)))
		_, err := peer.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err, "the peer's read, of a connection that was open when Run returned")
		_, err = net.Dial(e.network, ln.Addr().String())
		require.Error(t, err, "dial to a listener that was open when Run returned")
		if e.network == "unix" {
			_, err = os.Lstat(ln.Addr().String())
			require.ErrorIs(t, err, os.ErrNotExist, "the path of a listener that was open when Run returned")
		}

		// From the goroutine that was the loop's, and from another one.
		afterTheEnd := func() {
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, net.ErrClosed, "Read after the loop's end")
			_, err = c.Write([]byte("x"))
			require.ErrorIs(t, err, net.ErrClosed, "Write after the loop's end")
			require.ErrorIs(t, c.CloseWrite(), net.ErrClosed, "CloseWrite after the loop's end")
			require.ErrorIs(t, c.SetDeadline(time.Now()), net.ErrClosed, "SetDeadline after the loop's end")
			require.ErrorIs(t, c.Close(), net.ErrClosed, "Close after the loop's end")
			_, err = c.WriteTo(io.Discard)
			require.ErrorIs(t, err, net.ErrClosed, "WriteTo after the loop's end")
			_, err = ln.Accept()
			require.ErrorIs(t, err, net.ErrClosed, "Accept after the loop's end")
			require.ErrorIs(t, ln.Close(), net.ErrClosed, "Close of a listener after the loop's end")
			require.NotNil(t, c.LocalAddr())
			require.NotNil(t, c.RemoteAddr())
		}
		afterTheEnd()
		ended := make(chan struct{})
		go func() { defer close(ended); afterTheEnd() }()
		wait(t, ended, "calls after the loop's end")
	})
}

func TestRunReportsALoopThatCannotBeMade(t *testing.T) {
	err := Config{Reactor: reactor.Options{Poller: poller.Config{Backend: 99}}}.Run(t.Context(), func(context.Context) error {
		t.Error("main ran")
		return nil
	})
	require.Error(t, err)
}

func TestRunEndsWhenTheSystemFailsToWait(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		cleaned := 0
		err := e.run(func(ctx context.Context) error {
			c, _ := e.pair(ctx)
			return WithScope(ctx, func(s *Scope) error {
				for _, operation := range []func(context.Context) error{
					func(ctx context.Context) error { return Sleep(ctx, time.Hour) },
					func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err },
					func(ctx context.Context) error { return new(Event).Wait(ctx) },
				} {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						defer func() { cleaned++ }()
						return operation(ctx)
					}))
				}
				settle(t, ctx)
				e.os.wait = func() error { return errTest }
				return nil
			})
		})
		require.ErrorIs(t, err, errTest)
		require.Equal(t, 3, cleaned, "tasks that have ended")
	})
}

func TestRunManyTimesAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 20 {
				ticks := 0
				err := Run(context.Background(), func(ctx context.Context) error {
					return WithScope(ctx, func(s *Scope) error {
						for range 10 {
							if err := s.Go(func(ctx context.Context) error { ticks++; return Yield(ctx) }); err != nil {
								return err
							}
						}
						return nil
					})
				})
				if err != nil || ticks != 10 {
					t.Errorf("one of many loops: got %d tasks and error %v, want 10 and none", ticks, err)
				}
			}
		})
	}
	all.Wait()
}

// What is not in pairs, the runtime answers with a fatal error: see the package's
// text.
func TestTaskMayLockItsThreadBetweenTwoSuspensions(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		runtime.LockOSThread()
		runtime.UnlockOSThread()
		return Yield(ctx)
	}))
}

func TestFinishedTasksGiveTheirMemoryBack(t *testing.T) {
	n := 100_000
	if raceEnabled {
		n = 20_000
	}
	const maxIdle = 100
	before := runtime.NumGoroutine()
	require.NoError(t, Config{MaxIdle: maxIdle, StallLimit: -1}.Run(t.Context(), func(ctx context.Context) error {
		ran := 0
		err := WithScope(ctx, func(s *Scope) error {
			for range n {
				if err := s.Go(func(ctx context.Context) error { ran++; return Yield(ctx) }); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, n, ran, "tasks that ran")
		task, err := currentTaskOf(ctx)
		require.NoError(t, err)
		l := task.loop()
		require.LessOrEqual(t, len(l.idle), maxIdle, "coroutines kept after %d tasks, want MaxIdle", n)
		require.Equal(t, 1, l.live, "tasks that are left: main")
		require.LessOrEqual(t, runtime.NumGoroutine()-before, maxIdle+10, "goroutines after %d tasks", n)

		// What is kept is used.
		made := len(l.idle)
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			for range maxIdle / 2 {
				require.NoError(t, s.Go(func(context.Context) error { return nil }))
			}
			require.Equal(t, made-maxIdle/2, len(l.idle), "idle coroutines after %d spawns", maxIdle/2)
			return nil
		}))
		return nil
	}))
	require.LessOrEqual(t, runtime.NumGoroutine(), before+3, "goroutines after Run, %d before", before)
}

func TestPanicErrorNamesAnUnknownPlace(t *testing.T) {
	require.Equal(t, "an unknown place", spawnSite(0))
	require.False(t, strings.Contains((&GoexitError{Spawned: spawnSite(caller(0))}).Error(), "unknown"))
}
