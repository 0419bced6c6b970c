package coro

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// For every operation: it goes on although the scope around has been cancelled,
// and ends with what is inside the shield.
func TestShieldKeepsACancellationOff(t *testing.T) {
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					operation := o.prepare(e, ctx)
					for name, begin := range map[string]bool{"cancelled meanwhile": false, "cancelled before": true} {
						err := WithScope(ctx, func(s *Scope) error {
							if begin {
								require.NoError(t, s.Cancel(errTest))
							} else {
								require.NoError(t, s.Go(func(context.Context) error { return s.Cancel(errTest) }))
							}
							err := Shield(s.Context(), func(shielded context.Context) error {
								err := Timeout(shielded, time.Millisecond, operation)
								requireTimeout(t, err, time.Millisecond)
								require.NoError(t, Sleep(shielded, 1), "in the shield, after the Timeout in it")
								require.NoError(t, shielded.Err())
								return nil
							})
							require.NoError(t, err)
							err = operation(s.Context())
							require.ErrorIs(t, err, errTest, "%s after the shield, in a scope that was %s", o.name, name)
							return err
						})
						require.ErrorIs(t, err, errTest)
					}
				})
			})
		})
	}
}

// The use it is made for: a farewell after the time is over.
func TestShieldInsideATimeoutLetsCleanupTalk(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			err := Timeout(ctx, time.Millisecond, func(ctx context.Context) error {
				_, err := a.Read(make([]byte, 1))
				require.NoError(t, Shield(ctx, func(ctx context.Context) error {
					return Timeout(ctx, time.Minute, func(ctx context.Context) error {
						_, err := a.Write([]byte("bye"))
						return err
					})
				}))
				_, again := a.Write([]byte("more"))
				require.ErrorIs(t, again, context.DeadlineExceeded, "Write after the shield")
				return err
			})
			requireTimeout(t, err, time.Millisecond)
			require.NoError(t, a.Close())
			require.Equal(t, "bye", string(readAll(t, b)))
		})
	})
}

func TestShieldsInsideEachOther(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		err := WithScope(ctx, func(outer *Scope) error {
			require.NoError(t, outer.Cancel(errTest))
			require.NoError(t, Shield(ctx, func(ctx context.Context) error {
				require.NoError(t, Yield(ctx))
				// A scope inside the shield is cancelled for itself, and has
				// tasks that the one outside does not reach.
				inner := WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(ctx context.Context) error { return Sleep(ctx, 1) }))
					require.NoError(t, Yield(ctx))
					require.NoError(t, s.Cancel(context.Canceled))
					require.NoError(t, Shield(ctx, Yield), "a shield in a cancelled scope in a shield")
					return Yield(ctx)
				})
				require.Equal(t, context.Canceled, inner)
				return Yield(ctx)
			}))
			return Yield(ctx)
		})
		require.Equal(t, errTest, err)
		return nil
	}))
}

func TestShieldContext(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		ctx = context.WithValue(ctx, valueKey{}, "kept")
		var leaked context.Context
		err := WithScope(ctx, func(s *Scope) error {
			return Timeout(s.Context(), time.Hour, func(timed context.Context) error {
				foreign, cancel := context.WithTimeout(timed, time.Hour)
				defer cancel()
				require.NoError(t, Shield(foreign, func(ctx context.Context) error {
					leaked = ctx
					derived, cancelDerived := context.WithCancel(ctx)
					defer cancelDerived()
					cancel()
					require.NoError(t, s.Cancel(errTest))
					require.Equal(t, context.Canceled, timed.Err())

					require.NoError(t, ctx.Err(), "Err in a shield, in a cancelled scope, under a context that has ended")
					require.NoError(t, context.Cause(ctx))
					require.NoError(t, derived.Err(), "Err of a context derived from a shield's")
					select {
					case <-ctx.Done():
						require.Fail(t, "Done of a shield's context is closed")
					default:
					}
					_, hasDeadline := ctx.Deadline()
					require.False(t, hasDeadline, "a shield's context has a deadline")
					_, hasDeadline = derived.Deadline()
					require.False(t, hasDeadline, "a context derived from a shield's has a deadline")
					require.Equal(t, "kept", ctx.Value(valueKey{}))

					// A context captured further out is as harmless here as
					// anywhere, also with a value.
					require.NoError(t, Sleep(s.Context(), 1))
					require.NoError(t, Sleep(context.WithValue(timed, valueKey{}, 1), 1))
					require.NoError(t, WithScope(timed, func(s *Scope) error {
						_, hasDeadline := s.Context().Deadline()
						require.False(t, hasDeadline, "a scope in a shield, made with a context from outside, has a deadline")
						return Sleep(s.Context(), 1)
					}))
					// One that was made to end ends what it is given to.
					require.Equal(t, context.Canceled, Sleep(foreign, 1))
					return Sleep(derived, 1)
				}))
				return Yield(ctx)
			})
		})
		require.Equal(t, errTest, err)
		require.Equal(t, context.Canceled, leaked.Err(), "the context of a shield that was left")
		wait(t, leaked.Done(), "Done of it")
		return nil
	}))
}

// The end of Run's context, which comes from a goroutine.
func TestShieldKeepsTheEndOfRunsContextOff(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Run(ctx, func(ctx context.Context) error {
		require.NoError(t, Shield(ctx, func(shielded context.Context) error {
			cancel(errTest)
			wait(t, ctx.Done(), "the end of main's context")
			require.NoError(t, Sleep(shielded, time.Millisecond))
			require.NoError(t, shielded.Err())
			return nil
		}))
		return Sleep(ctx, time.Hour)
	})
	require.Equal(t, errTest, err)
}
