package coro

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScopeErrorsAreJoined(t *testing.T) {
	one, two, three := errors.New("one"), errors.New("two"), errors.New("three")
	fails := func(err error) func(context.Context) error { return func(context.Context) error { return err } }
	for name, test := range map[string]struct {
		body func(s *Scope) error
		want []error // nil: WithScope succeeds
		not  []error
	}{
		"no error":                {body: func(s *Scope) error { return s.Go(fails(nil)) }},
		"the body's":              {body: func(s *Scope) error { return one }, want: []error{one}},
		"a task's and the body's": {body: func(s *Scope) error { _ = s.Go(fails(two)); return one }, want: []error{one, two}},
		"those of three tasks": {
			body: func(s *Scope) error { _, _, _ = s.Go(fails(one)), s.Go(fails(two)), s.Go(fails(three)); return nil },
			want: []error{one, two, three},
		},
		"an echo is left out, also when it is wrapped": {
			body: func(s *Scope) error {
				_ = s.Go(func(ctx context.Context) error { return fmt.Errorf("wrapped: %w", Sleep(ctx, time.Hour)) })
				_ = s.Go(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }) // ends at once: see below
				_, _ = s.Go(fails(two)), s.Cancel(one)
				return nil
			},
			want: []error{two}, not: []error{one, context.Canceled},
		},
		"nothing but echoes: the first of them": {
			body: func(s *Scope) error { _ = s.Cancel(one); return Sleep(s.Context(), time.Hour) },
			want: []error{one},
		},
		"an error that an echo is joined to is kept": {
			body: func(s *Scope) error {
				_ = s.Cancel(one)
				return errors.Join(two, s.Context().Err(), context.Cause(s.Context()))
			},
			want: []error{two},
		},
		"a joined cause has its echoes": {
			body: func(s *Scope) error {
				joined := errors.Join(one, two)
				_ = s.Go(func(context.Context) error { return joined })
				_ = s.Go(func(context.Context) error { return &net.OpError{Err: joined} })
				return joined
			},
			want: []error{one, two},
		},
		"a panic with the cause is no echo": {
			body: func(s *Scope) error {
				_ = s.Cancel(one)
				return s.Go(func(ctx context.Context) error { panic(context.Cause(ctx)) })
			},
			want: []error{one, &PanicError{}},
		},
		"a panic, and the echoes of it: once": {
			body: func(s *Scope) error {
				for range 3 {
					_ = s.Go(func(ctx context.Context) error { return fmt.Errorf("wrapped: %w", Sleep(ctx, time.Hour)) })
				}
				_ = s.Go(func(ctx context.Context) error {
					return WithScope(ctx, func(*Scope) error { return Sleep(ctx, time.Hour) })
				})
				_ = s.Go(func(ctx context.Context) error { panic(one) })
				err := Sleep(s.Context(), time.Hour)
				if joined, ok := err.(interface{ Unwrap() []error }); ok {
					return fmt.Errorf("the cause of the cancellation is %d errors", len(joined.Unwrap()))
				}
				return err
			},
			want: []error{one, &PanicError{}}, // of one that is not joined, see below
		},
		"an error that cannot be compared": {
			body: func(s *Scope) error { return uncomparable{one} },
			want: []error{one},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
				err := WithScope(ctx, test.body)
				if test.want == nil {
					require.NoError(t, err)
				}
				for _, want := range test.want {
					if _, ok := want.(*PanicError); ok {
						require.ErrorAs(t, err, new(*PanicError))
					} else {
						require.ErrorIs(t, err, want)
					}
				}
				for _, not := range test.not {
					require.NotErrorIs(t, err, not)
				}
				if name == "a panic, and the echoes of it: once" {
					require.IsType(t, &PanicError{}, err)
				}
				if len(test.want) == 1 && name != "an error that an echo is joined to is kept" && name != "an error that cannot be compared" {
					require.True(t, err == test.want[0], "WithScope with one error: got %#v, want it as it is", err)
				}
				return nil
			}))
		})
	}
}

// uncomparable makes == on two of its kind panic.
type uncomparable []error

func (u uncomparable) Error() string   { return fmt.Sprint([]error(u)) }
func (u uncomparable) Unwrap() []error { return u }

func TestScopeKeepsABoundedNumberOfErrors(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		err := WithScope(ctx, func(s *Scope) error {
			for i := range maxErrors + 8 {
				require.NoError(t, s.Go(func(context.Context) error { return fmt.Errorf("error %d", i) }))
			}
			return nil
		})
		joined, ok := err.(interface{ Unwrap() []error })
		require.True(t, ok, "the errors of %d tasks: got %T, want them joined", maxErrors+8, err)
		require.Len(t, joined.Unwrap(), maxErrors+1, "errors, and one that counts the rest")
		require.ErrorContains(t, err, "error 0")
		require.ErrorContains(t, err, fmt.Sprintf("error %d", maxErrors-1))
		require.ErrorContains(t, err, "and 8 more errors")
		return nil
	}))
}

func TestScopeBodyThatPanics(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		cleaned, waited := 0, false
		e.try(func(ctx context.Context) {
			defer func() {
				require.Equal(t, "the body's", recover(), "the panic that comes out of WithScope")
				require.Equal(t, 2, cleaned, "tasks that have ended when it does")
				require.NoError(t, Sleep(ctx, 1), "an operation outside, after it")
			}()
			_ = WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					defer func() { cleaned++ }()
					waited = true
					return Sleep(ctx, time.Hour)
				}))
				require.NoError(t, s.Go(func(ctx context.Context) error {
					defer func() { cleaned++ }()
					_ = Sleep(ctx, time.Hour)
					return errTest
				}))
				settle(t, ctx)
				panics("the body's")
				return nil
			})
		})
		require.True(t, waited)
		require.Contains(t, e.log.find("ERROR coro: tasks failed in a scope whose body panicked"), errTest.Error(),
			"the error of a task whose scope's body panicked: nobody else tells it")
	})
	t.Run("calling Goexit cancels the tasks, waits for them and goes on", func(t *testing.T) {
		cleaned := false
		err := Run(t.Context(), func(ctx context.Context) error {
			return WithScope(ctx, func(outer *Scope) error {
				require.NoError(t, outer.Go(func(ctx context.Context) error {
					return WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Go(func(ctx context.Context) error {
							defer func() { cleaned = true }()
							return Sleep(ctx, time.Hour)
						}))
						settle(t, ctx)
						runtime.Goexit()
						return nil
					})
				}))
				require.ErrorAs(t, Sleep(outer.Context(), time.Hour), new(*GoexitError), "a sibling of the task that called Goexit: the cause")
				return nil
			})
		})
		require.ErrorAs(t, err, new(*GoexitError))
		require.True(t, cleaned, "a task in the scope whose body called Goexit: it did not end")
	})
}

func TestScopeMisuseIsAnError(t *testing.T) {
	nothing := func(context.Context) error { panic("it ran") }
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		var leaked *Scope
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			leaked = s
			done := make(chan struct{})
			go func() {
				defer close(done)
				require.Equal(t, ErrNotTask, s.Go(nothing), "Go from a plain goroutine")
				require.Equal(t, ErrNotTask, s.Cancel(errTest), "Cancel from a plain goroutine")
				require.Equal(t, ErrNotTask, WithScope(ctx, func(*Scope) error { panic("it ran") }), "WithScope from a plain goroutine")
			}()
			<-done
			return nil
		}))
		require.Equal(t, ErrScopeEnded, leaked.Go(nothing), "Go in a scope that has ended")
		require.Equal(t, ErrScopeEnded, leaked.Cancel(errTest), "Cancel of a scope that has ended")
		require.ErrorIs(t, Sleep(leaked.Context(), time.Hour), context.Canceled, "an operation with the context of a scope that has ended")
		require.NoError(t, Sleep(ctx, 1), "the scope outside is unhurt")
		require.Equal(t, ErrNoLoop, WithScope(context.Background(), func(*Scope) error { panic("it ran") }), "WithScope with a context of no loop")
		return nil
	}))
}

// A scope can be given more work while WithScope waits already.
func TestScopeTakesTasksUntilTheLastHasEnded(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		ran := 0
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			var again func(context.Context) error
			again = func(ctx context.Context) error {
				if ran++; ran < 100 {
					return s.Go(again)
				}
				return nil
			}
			return s.Go(again)
		}))
		require.Equal(t, 100, ran)
		return nil
	}))
}

func TestScopeTasksStartInOrder(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var order []int
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for i := range 1000 { // more than a turn's budget
					require.NoError(t, s.Go(func(context.Context) error { order = append(order, i); return nil }))
				}
				require.Empty(t, order, "tasks that ran before the one that spawned them suspended")
				return nil
			}))
			for i, got := range order {
				require.Equal(t, i, got, "place %d in the order of 1000 tasks", i)
			}
			require.Len(t, order, 1000)
		})
	})
}
