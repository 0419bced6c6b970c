package coro

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDaemonsEndWhenTheOthersHave(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var order []string
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for _, name := range []string{"first daemon", "second daemon"} {
					require.NoError(t, s.Daemon(func(ctx context.Context) error {
						defer func() { order = append(order, name) }()
						err := Sleep(ctx, time.Hour)
						require.ErrorIs(t, err, context.Canceled, "a daemon's operation at the end")
						require.Equal(t, err, context.Cause(ctx))
						require.Equal(t, context.Canceled, ctx.Err())
						require.ErrorContains(t, err, "only daemons are left")
						require.NoError(t, Shield(ctx, func(ctx context.Context) error { return Sleep(ctx, 1) }), "its cleanup, which is waited for")
						return err
					}))
				}
				require.NoError(t, s.Go(func(ctx context.Context) error {
					defer func() { order = append(order, "task") }()
					return Sleep(ctx, time.Millisecond)
				}))
				order = append(order, "body")
				return nil
			}), "their echoes of the end are no errors")
			require.Equal(t, []string{"body", "task", "first daemon", "second daemon"}, order)
		})
	})
	t.Run("a scope with nothing else ends at once", func(t *testing.T) {
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			ran := false
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				return s.Daemon(func(ctx context.Context) error { ran = true; return Sleep(ctx, time.Hour) })
			}))
			require.True(t, ran, "a daemon that was cancelled before its first step: its cleanup would not have run")
			return nil
		}))
	})
	t.Run("one that ends by itself ends nothing", func(t *testing.T) {
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Daemon(nothing))
				require.NoError(t, s.Go(func(ctx context.Context) error { return Sleep(ctx, 1) }))
				settle(t, ctx)
				return Sleep(ctx, time.Millisecond)
			})
		}))
	})
}

func TestDaemonFailureIsTheScopes(t *testing.T) {
	late := context.DeadlineExceeded
	for name, test := range map[string]struct {
		daemon func(ctx context.Context) error
		check  func(t *testing.T, err error)
		early  bool // it cancels the others
	}{
		"an error": {
			daemon: func(context.Context) error { return errTest },
			check:  func(t *testing.T, err error) { require.True(t, err == errTest, "got %v", err) }, early: true,
		},
		"a panic": {
			daemon: func(context.Context) error { panics(errTest); return nil },
			check:  func(t *testing.T, err error) { require.ErrorAs(t, err, new(*PanicError)) }, early: true,
		},
		"a Goexit": {
			daemon: func(context.Context) error { runtime.Goexit(); return nil },
			check:  func(t *testing.T, err error) { require.ErrorAs(t, err, new(*GoexitError)) }, early: true,
		},
		"an error of the cleanup": {
			daemon: func(ctx context.Context) error { _ = Sleep(ctx, time.Hour); return late },
			check:  func(t *testing.T, err error) { require.True(t, err == late, "got %v", err) },
		},
		"a panic of the cleanup": {
			daemon: func(ctx context.Context) error { panics(Sleep(ctx, time.Hour)); return nil },
			check:  func(t *testing.T, err error) { require.ErrorAs(t, err, new(*PanicError)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				var others error
				err := WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						others = Sleep(ctx, map[bool]time.Duration{true: time.Hour, false: time.Millisecond}[test.early])
						return others
					}))
					return s.Daemon(test.daemon)
				})
				test.check(t, err)
				require.Equal(t, test.early, others != nil, "whether the other task was cancelled")
				return nil
			}))
		})
	}
}

func TestDaemonMaySpawn(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var order []string
		done := func(name string) { order = append(order, name) }
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			defer settle(t, ctx)
			return s.Daemon(func(ctx context.Context) error {
				// A task of the scope keeps the daemons alive.
				require.NoError(t, s.Go(func(ctx context.Context) error { defer done("task"); return Sleep(ctx, time.Millisecond) }))
				require.NoError(t, s.Daemon(func(ctx context.Context) error { defer done("daemon"); return Sleep(ctx, time.Hour) }))
				require.NoError(t, WithScope(ctx, func(own *Scope) error {
					return own.Go(func(ctx context.Context) error { defer done("own"); return Yield(ctx) })
				}), "a scope of its own")
				err := Sleep(ctx, time.Hour)
				// The end is not yet: what is spawned now is waited for, and is
				// not cancelled with the daemons.
				require.NoError(t, s.Go(func(ctx context.Context) error { defer done("late task"); return Sleep(ctx, time.Millisecond) }))
				require.NoError(t, s.Daemon(func(ctx context.Context) error {
					defer done("late daemon")
					require.ErrorIs(t, Yield(ctx), context.Canceled)
					return nil
				}))
				return err
			})
		}))
		require.Equal(t, []string{"own", "task", "daemon", "late daemon", "late task"}, order)
		return nil
	}))
}

func TestDaemonIsCancelledWithItsScope(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, s *Scope) error{
		"by the body's error": func(*testing.T, *Scope) error { return errTest },
		"by a task's error":   func(t *testing.T, s *Scope) error { return s.Go(func(context.Context) error { return errTest }) },
		"by Cancel":           func(t *testing.T, s *Scope) error { return s.Cancel(errTest) },
		"by Cancel, in a task": func(t *testing.T, s *Scope) error {
			return s.Go(func(context.Context) error { return s.Cancel(errTest) })
		},
		"by Cancel, in a daemon": func(t *testing.T, s *Scope) error {
			require.NoError(t, s.Daemon(func(context.Context) error { return s.Cancel(errTest) }))
			return Sleep(s.Context(), time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				var got error
				err := WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Daemon(func(ctx context.Context) error {
						got = Sleep(ctx, time.Hour)
						require.Equal(t, got, context.Cause(ctx))
						return got
					}))
					settle(t, ctx)
					return test(t, s)
				})
				require.Equal(t, errTest, got, "the daemon's operation")
				require.True(t, err == errTest, "WithScope: got %v, want the cause once", err)
				return nil
			}))
		})
	}
	t.Run("and one that was spawned after it starts all the same", func(t *testing.T) {
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			var got error
			err := WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Cancel(errTest))
				return s.Daemon(func(ctx context.Context) error { got = Yield(ctx); return got })
			})
			require.Equal(t, errTest, got)
			require.Equal(t, errTest, err)
			return nil
		}))
	})
	t.Run("also when the body panics", func(t *testing.T) {
		ended := false
		err := Run(t.Context(), func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Daemon(func(ctx context.Context) error { defer func() { ended = true }(); return Sleep(ctx, time.Hour) }))
				settle(t, ctx)
				panics("the body's")
				return nil
			})
		})
		require.ErrorAs(t, err, new(*PanicError))
		require.True(t, ended)
	})
}

func TestDaemonMisuseIsAnError(t *testing.T) {
	ran := func(context.Context) error { panic("it ran") }
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var leaked *Scope
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			leaked = s
			done := make(chan error)
			go func() { done <- s.Daemon(ran) }()
			require.Equal(t, ErrNotTask, <-done, "Daemon from a plain goroutine")
			return nil
		}))
		require.Equal(t, ErrScopeEnded, leaked.Daemon(ran), "Daemon in a scope that has ended")
		other := make(chan error)
		go func() { other <- Run(context.Background(), func(context.Context) error { return leaked.Daemon(ran) }) }()
		require.Equal(t, ErrWrongLoop, <-other, "Daemon from a task of another loop")
		return nil
	}))
}
