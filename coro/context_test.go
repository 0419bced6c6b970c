package coro

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestScopeContextOfAnOuterScopeIsHarmless(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(outer context.Context) error {
		require.NoError(t, WithScope(outer, func(s *Scope) error {
			return s.Go(func(context.Context) error {
				require.NoError(t, Sleep(outer, 1), "Sleep with a context from outside")
				return WithScope(outer, func(inner *Scope) error {
					require.True(t, inner.scope.parent == &s.scope, "the parent of a scope: want the one its task is in, not the one of the context")
					require.NoError(t, inner.Cancel(errTest))
					require.Equal(t, errTest, Sleep(outer, time.Hour), "Sleep in a cancelled scope, with a context from outside")
					return nil
				})
			})
		}))
		require.NoError(t, Sleep(outer, 1))
		return nil
	}))
}

type valueKey struct{}

func TestScopeContextWorksWithPackageContext(t *testing.T) {
	outer := context.WithValue(context.Background(), valueKey{}, "outer")
	require.NoError(t, Run(outer, func(ctx context.Context) error {
		require.Equal(t, "outer", ctx.Value(valueKey{}), "a value from outside Run")
		ctx = context.WithValue(ctx, valueKey{}, "inner")
		require.NoError(t, Sleep(ctx, 1))
		var after, derivedAfter = make(chan struct{}), make(chan struct{})
		var scope context.Context
		err := WithScope(ctx, func(s *Scope) error {
			scope = s.Context()
			require.Equal(t, "inner", scope.Value(valueKey{}), "a value of WithScope's context")
			require.NoError(t, scope.Err())
			_, hasDeadline := scope.Deadline()
			require.False(t, hasDeadline)
			derived, cancel := context.WithTimeout(scope, time.Hour)
			defer cancel()
			context.AfterFunc(scope, func() { close(after) })
			context.AfterFunc(derived, func() { close(derivedAfter) })
			require.NoError(t, s.Go(func(ctx context.Context) error { return errTest }))
			err := Sleep(ctx, time.Hour)
			require.ErrorIs(t, derived.Err(), context.Canceled, "a context derived from a cancelled scope's")
			require.Equal(t, errTest, context.Cause(derived))
			return err
		})
		require.Equal(t, errTest, err)
		require.ErrorIs(t, scope.Err(), context.Canceled)
		require.Equal(t, errTest, context.Cause(scope))
		wait(t, after, "a function after the scope's end")
		wait(t, derivedAfter, "a function after a derived context's end")
		wait(t, scope.Done(), "Done of a cancelled scope's context")

		require.NoError(t, WithScope(ctx, func(s *Scope) error { scope = s.Context(); return nil }))
		require.ErrorIs(t, scope.Err(), context.Canceled, "the context of a scope that was left")
		return nil
	}))
}

// What package context derives from a scope's context cancels the operation that
// is given it, and nothing else.
func TestScopeDerivedContextEndsTheOperation(t *testing.T) {
	for _, o := range operations {
		if !o.takesContext {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					operation := o.prepare(e, ctx)
					timed, cancel := context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
					require.ErrorIs(t, operation(timed), context.DeadlineExceeded, "%s with a context that times out", o.name)
					require.ErrorIs(t, operation(timed), context.DeadlineExceeded, "%s with a context that has timed out", o.name)
					require.NoError(t, Sleep(ctx, 1), "an operation of the outer context afterwards")

					caused, cancelCause := context.WithCancelCause(ctx)
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Go(func(ctx context.Context) error {
							settle(t, ctx)
							cancelCause(errTest)
							return nil
						}))
						require.ErrorIs(t, operation(caused), errTest, "%s with a context that a sibling cancels", o.name)
						require.NoError(t, Sleep(ctx, 1), "an operation of the outer context afterwards")
						return nil
					}))
					err := WithScope(ctx, func(s *Scope) error {
						timed, cancel := context.WithTimeout(s.Context(), time.Hour)
						defer cancel()
						require.NoError(t, s.Go(func(context.Context) error { return errTest }))
						require.ErrorIs(t, operation(timed), errTest, "%s with a derived context, in a scope that is cancelled", o.name)
						return nil
					})
					require.Equal(t, errTest, err)
				})
			})
		})
	}
	t.Run("context.WithoutCancel takes nothing off", func(t *testing.T) {
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			free := context.WithoutCancel(ctx)
			require.NoError(t, Sleep(free, 1))
			err := WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { return errTest }))
				require.Equal(t, errTest, Sleep(free, time.Hour), "Sleep in a cancelled scope")
				return nil
			})
			require.Equal(t, errTest, err)
			return nil
		}))
	})
}
