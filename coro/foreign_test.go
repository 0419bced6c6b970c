package coro

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A context of package context ends, on a goroutine, at every moment of an
// operation: before it, during it, and when it has completed. The operation has
// then either its result or the cause, whole, and what follows is not touched.
func TestForeignContextEndsAtEveryMoment(t *testing.T) {
	type call struct {
		under func(ctx context.Context, fn func(context.Context) error) error
		// levels: the foreign context covers more than one operation.
		levels bool
	}
	for name, call := range map[string]call{
		"of an operation": {under: func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }},
		"of a Timeout":    {func(ctx context.Context, fn func(context.Context) error) error { return Timeout(ctx, time.Hour, fn) }, true},
		"of a scope": {func(ctx context.Context, fn func(context.Context) error) error {
			return WithScope(ctx, func(s *Scope) error { return fn(s.Context()) })
		}, true},
		"of a task in a scope": {func(ctx context.Context, fn func(context.Context) error) error {
			return WithScope(ctx, func(s *Scope) error { return s.Go(fn) })
		}, true},
		"of a scope in a Timeout": {func(ctx context.Context, fn func(context.Context) error) error {
			return Timeout(ctx, time.Hour, func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error { return s.Go(fn) })
			})
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					completed, cancelled := 0, 0
					for moment := range 300 {
						foreign, cancel := context.WithCancelCause(ctx)
						var event Event
						require.NoError(t, WithScope(ctx, func(s *Scope) error {
							// The event is set and never cancelled, cancelled and never
							// set, or both at about the same moment.
							var told atomic.Bool
							context.AfterFunc(foreign, func() { told.Store(true) })
							require.NoError(t, s.Go(func(ctx context.Context) error {
								switch moment % 10 {
								case 0:
									defer cancel(errTest)
								case 1:
									cancel(errTest)
									return nil
								case 2:
									cancel(errTest)
								default:
									go cancel(errTest)
									for !told.Load() {
										require.NoError(t, Yield(ctx))
									}
									for range moment % 50 * 4 {
										require.NoError(t, Yield(ctx))
									}
								}
								return event.Set(ctx)
							}))
							err := call.under(foreign, func(ctx context.Context) error {
								err := event.Wait(ctx)
								if err != nil && call.levels {
									require.Equal(t, err, Yield(ctx), "the next operation, after one that was cancelled")
									require.Equal(t, err, context.Cause(ctx))
								}
								if err == nil && call.levels {
									// The end comes, at the latest, while this waits.
									require.Equal(t, errTest, new(Event).Wait(ctx))
								}
								return err
							})
							if err == nil {
								completed++
							} else {
								cancelled++
								require.True(t, err == errTest, "got %v, want the cause", err)
							}
							require.NoError(t, Yield(ctx), "an operation of the scope around")
							return nil
						}))
						cancel(nil)
					}
					t.Log(completed, "completed,", cancelled, "were cancelled")
					require.NotZero(t, completed)
					require.NotZero(t, cancelled)
				})
			})
		})
	}
}

// Both ends are the context's: the one that came first is the cause of everything.
func TestForeignContextAndScopeAgreeOnTheCause(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		foreign, cancel := context.WithCancelCause(ctx)
		err := WithScope(foreign, func(s *Scope) error {
			cancel(first)
			wait(t, s.Context().Done(), "the end of the scope's context") // the loop has not heard yet
			require.Equal(t, first, context.Cause(s.Context()))
			require.NoError(t, s.Cancel(second))
			require.Equal(t, first, context.Cause(s.Context()))
			return Yield(s.Context())
		})
		require.True(t, err == first, "the error of the operation: got %v, want what the context told before", err)
		return nil
	}))
}

// A task that computes sees the end in its context, also several scopes in, and
// once it has, it goes on seeing the same.
func TestForeignContextIsSeenByATaskThatComputes(t *testing.T) {
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, errTest)
	defer cancel()
	err := Run(ctx, func(ctx context.Context) error {
		err := WithScope(ctx, func(s *Scope) error {
			return Timeout(s.Context(), time.Hour, func(inside context.Context) error {
				for inside.Err() == nil {
					runtime.Gosched()
				}
				require.Equal(t, errTest, context.Cause(inside))
				before := inside.Err()
				defer func() {
					require.Equal(t, before, inside.Err(), "Err, after the Timeout was left: want what it was")
					require.Equal(t, errTest, context.Cause(inside))
				}()
				return nil
			})
		})
		require.NoError(t, err, "no operation failed")
		return Sleep(ctx, time.Hour)
	})
	require.Equal(t, errTest, err)
}

// One that says it has ended in no way of package context's.
func TestForeignContextOfAnotherType(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		own := &ownContext{Context: ctx, done: make(chan struct{})}
		require.NoError(t, Sleep(own, 1))
		err := WithScope(own, func(s *Scope) error {
			require.NoError(t, s.Go(func(context.Context) error { own.end(); return nil }))
			return Sleep(s.Context(), time.Hour)
		})
		require.Equal(t, errTest, err)
		require.Equal(t, errTest, Sleep(own, 1))
		return Sleep(ctx, 1)
	}))
}

type ownContext struct {
	context.Context
	done chan struct{}
	over atomic.Bool
}

func (c *ownContext) end()                  { c.over.Store(true); close(c.done) }
func (c *ownContext) Done() <-chan struct{} { return c.done }
func (c *ownContext) Err() error {
	if c.over.Load() {
		return errTest
	}
	return nil
}
