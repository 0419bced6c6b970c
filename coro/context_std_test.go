package coro

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// derive are the ways in which package context derives from a scope's context.
var derive = map[string]func(context.Context) (context.Context, context.CancelFunc){
	"WithCancel": context.WithCancel,
	"WithTimeout": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Hour)
	},
	"WithCancelCause": func(ctx context.Context) (context.Context, context.CancelFunc) {
		derived, cancel := context.WithCancelCause(ctx)
		return derived, func() { cancel(nil) }
	},
	"WithValue": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithValue(ctx, valueKey{}, 1), func() {}
	},
	"WithValue of WithCancel of WithValue": func(ctx context.Context) (context.Context, context.CancelFunc) {
		derived, cancel := context.WithCancel(context.WithValue(ctx, valueKey{}, 1))
		return context.WithValue(derived, valueKey{}, 2), cancel
	},
	"a type that embeds it": func(ctx context.Context) (context.Context, context.CancelFunc) {
		return struct{ context.Context }{ctx}, func() {}
	},
	"itself": func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
}

// What ends the scope, ends the contexts derived from it: with which error, and
// with which cause?
func TestScopeContextTellsDerivedOnesHowItEnded(t *testing.T) {
	ends := map[string]struct {
		// run calls inside with a context, and after with the scope ended.
		run   func(ctx context.Context, inside func(context.Context), after func()) error
		err   error
		cause error // nil: a *TimeoutError
	}{
		"a Timeout that passes": {
			run: func(ctx context.Context, inside func(context.Context), after func()) error {
				return Timeout(ctx, time.Millisecond, func(ctx context.Context) error {
					inside(ctx)
					_ = new(Event).Wait(ctx)
					after()
					return nil
				})
			},
			err: context.DeadlineExceeded,
		},
		"a Timeout that passes, outside of a scope": {
			run: func(ctx context.Context, inside func(context.Context), after func()) error {
				return Timeout(ctx, time.Millisecond, func(ctx context.Context) error {
					return WithScope(ctx, func(s *Scope) error {
						return s.Go(func(ctx context.Context) error {
							inside(ctx)
							_ = new(Event).Wait(ctx)
							after()
							return nil
						})
					})
				})
			},
			err: context.DeadlineExceeded,
		},
		"a Timeout that is left": {
			run: func(ctx context.Context, inside func(context.Context), after func()) error {
				err := Timeout(ctx, time.Hour, func(ctx context.Context) error { inside(ctx); return nil })
				after()
				return err
			},
			err: context.Canceled, cause: context.Canceled,
		},
		"a Cancel": {
			run: func(ctx context.Context, inside func(context.Context), after func()) error {
				return WithScope(ctx, func(s *Scope) error {
					inside(s.Context())
					_ = s.Cancel(errTest)
					after()
					return nil
				})
			},
			err: context.Canceled, cause: errTest,
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			for how, derive := range derive {
				require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
					var derived, late context.Context
					var scope context.Context
					called := make(chan struct{})
					return end.run(ctx, func(ctx context.Context) {
						scope = ctx
						derived, _ = derive(ctx)
						_ = context.AfterFunc(derived, func() { close(called) })
						require.NoError(t, derived.Err(), how)
						require.NoError(t, context.Cause(derived), how)
					}, func() {
						late, _ = derive(scope) // from a context that has ended already
						for which, c := range map[string]context.Context{"derived": derived, "derived after the end": late} {
							wait(t, c.Done(), how+": Done of one "+which)
							require.Equal(t, end.err, c.Err(), "%s: Err of one %s", how, which)
							if end.cause == nil {
								require.ErrorAs(t, context.Cause(c), new(*TimeoutError), "%s: Cause of one %s", how, which)
							} else {
								require.Equal(t, end.cause, context.Cause(c), "%s: Cause of one %s", how, which)
							}
						}
						wait(t, called, how+": the function of context.AfterFunc")
					})
				}), how)
			}
		})
	}
}

func TestScopeContextStartsNoGoroutines(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		return Timeout(ctx, time.Hour, func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				before := runtime.NumGoroutine()
				for how, derive := range derive {
					for range 10 {
						derived, cancel := derive(s.Context())
						defer cancel()
						_ = derived.Done()
						further, cancelFurther := context.WithCancel(derived)
						defer cancelFurther()
						defer context.AfterFunc(further, func() {})()
					}
					require.LessOrEqual(t, runtime.NumGoroutine(), before, "goroutines after 10 contexts of %s, and what hangs on them", how)
				}
				return nil
			})
		})
	}))
}

// A derived context that is cancelled leaves nothing in the scope's, and what a
// scope that is left hung on the one around it is taken off.
func TestScopeContextKeepsNothingOfThoseThatEnded(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		around := ctx.(*cancelScope)
		_ = ctx.Done()
		before := len(around.std.Load().origin.tell)
		for range 100 {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				_ = s.Context().Done()
				require.Len(t, around.std.Load().origin.tell, before+1, "what waits for the scope's end, with a scope inside")
				return nil
			}))
			require.Len(t, around.std.Load().origin.tell, before, "what waits for the scope's end, with none")
		}
		return nil
	}))
}

func TestScopeContextDeadlineIsTheEarliestThatEndsIt(t *testing.T) {
	now := time.Now()
	in := func(d time.Duration) time.Time { return now.Add(d) }
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		is := func(ctx context.Context, want time.Time, what string) {
			t.Helper()
			got, ok := ctx.Deadline()
			require.Equal(t, !want.IsZero(), ok, "%s: whether there is a deadline", what)
			require.True(t, got.Equal(want), "%s: got %v, want %v", what, got, want)
		}
		is(ctx, time.Time{}, "main")
		return Deadline(ctx, in(2*time.Hour), func(two context.Context) error {
			is(two, in(2*time.Hour), "a Deadline")
			foreign, cancel := context.WithDeadline(two, in(90*time.Minute))
			defer cancel()
			return errors.Join(
				Deadline(two, in(3*time.Hour), func(ctx context.Context) error { is(ctx, in(2*time.Hour), "a later one inside"); return nil }),
				Deadline(two, in(1*time.Hour), func(one context.Context) error {
					is(one, in(time.Hour), "an earlier one inside")
					return WithScope(two, func(s *Scope) error {
						is(s.Context(), in(time.Hour), "a scope in it, made with the context from outside")
						return nil
					})
				}),
				WithScope(foreign, func(s *Scope) error {
					is(s.Context(), in(90*time.Minute), "a scope under a context with a deadline")
					return Timeout(two, 24*time.Hour, func(ctx context.Context) error {
						is(ctx, in(90*time.Minute), "a Timeout in that scope, made with a context from further out")
						return Shield(ctx, func(ctx context.Context) error { is(ctx, time.Time{}, "a Shield"); return nil })
					})
				}),
				WithScope(context.WithoutCancel(two), func(s *Scope) error {
					is(s.Context(), in(2*time.Hour), "a scope under context.WithoutCancel, whose task is in the Deadline all the same")
					return nil
				}),
			)
		})
	}))
}

// Depth costs no more than its own steps.
func TestScopeContextManyLevelsDeep(t *testing.T) {
	const depth = 200
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var down func(ctx context.Context, level int) error
		down = func(ctx context.Context, level int) error {
			if level == 0 {
				_, _ = ctx.Deadline()
				_ = ctx.Value(valueKey{})
				require.NoError(t, ctx.Err())
				return Yield(ctx)
			}
			foreign, cancel := context.WithCancel(ctx)
			defer cancel()
			return WithScope(foreign, func(s *Scope) error { return down(s.Context(), level-1) })
		}
		return down(ctx, depth)
	}))
}
