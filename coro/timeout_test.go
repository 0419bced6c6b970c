package coro

import (
	"context"
	"math"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeoutEndsEveryOperation(t *testing.T) {
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					operation := o.prepare(e, ctx)
					err := Timeout(ctx, time.Millisecond, func(inside context.Context) error {
						first := operation(inside)
						cause := context.Cause(inside)
						require.ErrorIs(t, first, cause, "%s: want the timeout as the cause", o.name)
						require.ErrorIs(t, operation(inside), cause, "%s again: a timeout is level-triggered", o.name)
						require.ErrorIs(t, operation(ctx), cause, "%s with a context from outside", o.name)
						require.Equal(t, context.DeadlineExceeded, inside.Err())
						return first
					})
					requireTimeout(t, err, time.Millisecond)
					require.NoError(t, Sleep(ctx, 1), "an operation after the Timeout was left")
				})
			})
		})
	}
}

// requireTimeout: err is that of a Timeout of d, in every way in which programs
// ask.
func requireTimeout(t *testing.T, err error, d time.Duration) {
	t.Helper()
	var timeout *TimeoutError
	require.ErrorAs(t, err, &timeout)
	require.Equal(t, d, timeout.Limit, "the Limit of the error")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NotErrorIs(t, err, context.Canceled)
	var network net.Error
	require.ErrorAs(t, err, &network)
	require.True(t, network.Timeout(), "Timeout of a net.Error")
}

func TestTimeoutIsNeverEarly(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for _, d := range []time.Duration{1, time.Microsecond, 300 * time.Microsecond, 3 * time.Millisecond} {
				start := time.Now()
				err := Timeout(ctx, d, new(Event).Wait)
				requireTimeout(t, err, d)
				require.GreaterOrEqual(t, time.Since(start), d, "time passed at the end of a Timeout of %v", d)

				at := time.Now().Add(d)
				err = Deadline(ctx, at, new(Event).Wait)
				requireTimeout(t, err, 0)
				require.False(t, time.Now().Before(at), "a Deadline in %v was early", d)
				var timeout *TimeoutError
				require.ErrorAs(t, err, &timeout)
				require.True(t, timeout.At.Equal(at), "the At of the error: got %v, want %v", timeout.At, at)
			}
		})
	})
}

// Also one that would not have to wait.
func TestTimeoutThatHasPassedFailsTheFirstOperation(t *testing.T) {
	var passed []func(context.Context, func(context.Context) error) error
	for _, d := range []time.Duration{0, -1, -time.Hour, math.MinInt64} {
		passed = append(passed, func(ctx context.Context, fn func(context.Context) error) error { return Timeout(ctx, d, fn) })
	}
	moments := []time.Time{{}, time.Unix(0, 0), time.Now().Add(-time.Hour), time.Now(), time.Date(-9000, 1, 1, 0, 0, 0, 0, time.UTC)}
	for _, at := range moments {
		passed = append(passed, func(ctx context.Context, fn func(context.Context) error) error { return Deadline(ctx, at, fn) })
	}
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			_, err := b.Write([]byte("data"))
			require.NoError(t, err)
			var event Event
			require.NoError(t, event.Set(ctx))
			for i, timeout := range passed {
				for name, operation := range map[string]func(context.Context) error{
					"Read with data":       func(context.Context) error { _, err := a.Read(make([]byte, 1)); return err },
					"Write with room":      func(context.Context) error { _, err := a.Write([]byte("x")); return err },
					"Wait for a set Event": event.Wait,
					"Yield":                Yield,
					"Sleep(0)":             func(ctx context.Context) error { return Sleep(ctx, 0) },
					"WithScope":            func(ctx context.Context) error { return WithScope(ctx, func(*Scope) error { panic("it ran") }) },
				} {
					called := false
					err := timeout(ctx, func(ctx context.Context) error {
						called = true
						require.Equal(t, context.DeadlineExceeded, ctx.Err())
						_, hasDeadline := ctx.Deadline()
						require.True(t, hasDeadline)
						require.NoError(t, event.Set(ctx), "what never suspends goes on working")
						return operation(ctx)
					})
					require.True(t, called)
					require.ErrorIs(t, err, context.DeadlineExceeded, "%s under timeout %d that has passed", name, i)
				}
			}
			require.NoError(t, Yield(ctx))
		})
	})
	t.Run("and it is named as it was given", func(t *testing.T) {
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			for _, at := range moments[:4] {
				err := Deadline(ctx, at, func(ctx context.Context) error {
					told, ok := ctx.Deadline()
					require.True(t, ok && told.Equal(at), "the context's deadline: got %v, want %v", told, at)
					return Yield(ctx)
				})
				var timeout *TimeoutError
				require.ErrorAs(t, err, &timeout)
				require.True(t, timeout.At.Equal(at), "the At of the error: got %v, want %v", timeout.At, at)
				require.ErrorContains(t, err, at.Format(time.DateOnly))
			}
			require.EqualError(t, Timeout(ctx, time.Nanosecond, new(Event).Wait), "coro: timed out after 1ns")
			return nil
		}))
	})
}

func TestTimeoutThatDoesNotComeChangesNothing(t *testing.T) {
	far := []func(context.Context, func(context.Context) error) error{
		func(ctx context.Context, fn func(context.Context) error) error { return Timeout(ctx, time.Hour, fn) },
		func(ctx context.Context, fn func(context.Context) error) error {
			return Timeout(ctx, math.MaxInt64, fn)
		},
		func(ctx context.Context, fn func(context.Context) error) error {
			return Deadline(ctx, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), fn)
		},
		func(ctx context.Context, fn func(context.Context) error) error {
			return Deadline(ctx, time.Now().Add(25*24*time.Hour), fn) // more milliseconds than an int32 has
		},
	}
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		for _, timeout := range far {
			var inside *cancelScope
			require.True(t, timeout(ctx, func(ctx context.Context) error {
				inside = ctx.(*cancelScope)
				require.NoError(t, Sleep(ctx, 1))
				require.NoError(t, ctx.Err())
				return errTest
			}) == errTest, "want the function's error as it is")
			require.NoError(t, timeout(ctx, func(context.Context) error { return nil }))
			require.False(t, inside.timer.Stop(), "a timer that a Timeout left behind")
			require.Equal(t, context.Canceled, inside.Err(), "the context of a Timeout that was left")
			require.ErrorIs(t, Sleep(inside, 1), context.Canceled, "an operation with the context of a Timeout that was left")
			require.NoError(t, Sleep(ctx, 1))
		}
		return nil
	}))
}

// Two that pass in one turn: the earlier one is the cause, and of two with one
// moment the outer one.
func TestTimeoutsInsideEachOtherTellWhichPassed(t *testing.T) {
	at := func(ms int) time.Time { return time.Now().Add(time.Duration(ms) * time.Millisecond) }
	for name, test := range map[string]struct {
		outer, inner     int // milliseconds
		insideIsTheOuter bool
	}{
		"the inner one passes first":        {outer: 2, inner: 1},
		"the outer one passes first":        {outer: 1, inner: 2, insideIsTheOuter: true},
		"both have the same moment":         {outer: 1, inner: 1, insideIsTheOuter: true},
		"the outer one, and long after it":  {outer: 1, inner: 1 << 20, insideIsTheOuter: true},
		"the inner one, and long before it": {outer: 3, inner: 0},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				outer := at(test.outer)
				inner := outer.Add(time.Duration(test.inner-test.outer) * time.Millisecond)
				return Deadline(ctx, outer, func(ctx context.Context) error {
					var cause error
					err := Deadline(ctx, inner, func(ctx context.Context) error {
						if test.inner < 1000 {
							for !time.Now().After(inner) || !time.Now().After(outer) {
								runtime.Gosched() // the task computes until both have passed
							}
						}
						err := new(Event).Wait(ctx)
						cause = context.Cause(ctx)
						return err
					})
					require.True(t, err == cause, "the operation's error is the context's cause")
					var timeout *TimeoutError
					require.ErrorAs(t, err, &timeout)
					want := inner
					if test.insideIsTheOuter {
						want = outer
					}
					require.True(t, timeout.At.Equal(want), "the moment in the error inside: got %v, want %v", timeout.At, want)

					err = new(Event).Wait(ctx)
					require.True(t, err == context.Cause(ctx))
					require.ErrorAs(t, err, &timeout)
					require.True(t, timeout.At.Equal(outer), "the moment in the error outside: got %v, want %v", timeout.At, outer)
					return nil
				})
			}))
		})
	}
}

func TestTimeoutCompletedIsNeverCancelled(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error {
			var event Event
			var inside *cancelScope
			require.NoError(t, s.Go(func(ctx context.Context) error {
				return Timeout(ctx, time.Hour, func(ctx context.Context) error {
					inside = ctx.(*cancelScope)
					require.NoError(t, event.Wait(ctx), "Wait for an event that was set before the time was over")
					require.ErrorIs(t, Yield(ctx), context.DeadlineExceeded, "the next operation")
					return nil
				})
			}))
			settle(t, ctx)
			require.NoError(t, event.Set(ctx))
			(*expiry)(inside).Run() // as the timer does, in the same turn
			return nil
		})
	}))
}

func TestTimeoutBodyThatPanicsLeavesTheScope(t *testing.T) {
	for name, block := range map[string]func(context.Context, func(context.Context) error) error{
		"Timeout": func(ctx context.Context, fn func(context.Context) error) error { return Timeout(ctx, 0, fn) },
		"Shield":  Shield,
	} {
		t.Run(name+": a panic goes on, and what follows is outside", func(t *testing.T) {
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				func() {
					defer func() { require.Equal(t, "oh", recover()) }()
					_ = block(ctx, func(context.Context) error { panics("oh"); return nil })
				}()
				self, err := currentTaskOf(ctx)
				require.NoError(t, err)
				require.True(t, context.Context(self.scope) == ctx, "the task is in the scope it was in")
				return Sleep(ctx, 1)
			}))
		})
		t.Run(name+": a Goexit is named, and its coroutine's scope ends", func(t *testing.T) {
			err := Run(t.Context(), func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error {
					return s.Go(func(ctx context.Context) error {
						return block(ctx, func(context.Context) error { runtime.Goexit(); return nil })
					})
				})
			})
			require.ErrorAs(t, err, new(*GoexitError))
		})
	}
}

func TestTimeoutOutsideOfATaskIsAnError(t *testing.T) {
	fn := func(context.Context) error { panic("it ran") }
	calls := map[string]func(context.Context) error{
		"Timeout":  func(ctx context.Context) error { return Timeout(ctx, time.Hour, fn) },
		"Deadline": func(ctx context.Context) error { return Deadline(ctx, time.Now(), fn) },
		"Shield":   func(ctx context.Context) error { return Shield(ctx, fn) },
	}
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		for name, call := range calls {
			require.Equal(t, ErrNoLoop, call(context.Background()), name)
			done := make(chan error)
			go func() { done <- call(ctx) }()
			require.Equal(t, ErrNotTask, <-done, name)
		}
		return nil
	}))
}
