package coro

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/reactor"
)

// operations are all that suspend, each in a situation in which it would do so
// for ever. The context is the one they are called with, or would be.
var operations = []struct {
	name    string
	prepare func(e *env, ctx context.Context) func(ctx context.Context) error
	// takesContext: the operation is cancelled by its own ctx too.
	takesContext bool
}{
	{"Read", func(e *env, ctx context.Context) func(context.Context) error {
		c, _ := e.pair(ctx)
		return func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err }
	}, false},
	{"Read behind another Read", func(e *env, ctx context.Context) func(context.Context) error {
		c, _ := e.pair(ctx)
		return func(context.Context) error {
			if c.busy[0] {
				_, err := c.Read(make([]byte, 1))
				return err
			}
			c.busy[0] = true // as if by another task
			defer c.leave(0, 0)
			_, err := c.Read(make([]byte, 1))
			return err
		}
	}, false},
	{"Write", func(e *env, ctx context.Context) func(context.Context) error {
		c, _ := e.pair(ctx)
		fill(e.t, c)
		return func(context.Context) error { _, err := c.Write(make([]byte, 1<<20)); return err }
	}, false},
	{"WriteTo", func(e *env, ctx context.Context) func(context.Context) error {
		c, _ := e.pair(ctx)
		return func(context.Context) error { _, err := c.WriteTo(c); return err }
	}, false},
	{"Accept", func(e *env, ctx context.Context) func(context.Context) error {
		ln := e.listen(ctx)
		return func(context.Context) error { _, err := ln.Accept(); return err }
	}, false},
	{"Sleep", func(*env, context.Context) func(context.Context) error {
		return func(ctx context.Context) error { return Sleep(ctx, time.Hour) }
	}, true},
	{"Event.Wait", func(*env, context.Context) func(context.Context) error {
		return new(Event).Wait
	}, true},
	{"Dial of a name", func(*env, context.Context) func(context.Context) error {
		d := Dialer{Resolver: hangingResolver()}
		return func(ctx context.Context) error { _, err := d.Dial(ctx, "tcp", newName()); return err }
	}, true},
	{"Blocking", func(*env, context.Context) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := BlockingOn(ctx, NewWorkers("test", 1), func() (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) })
			return err
		}
	}, true},
	{"Serve", func(e *env, ctx context.Context) func(context.Context) error {
		ln := e.listen(ctx)
		return func(ctx context.Context) error {
			return Serve(ctx, ln, func(context.Context, net.Conn) error { return nil })
		}
	}, true},
	{"WithScope", func(*env, context.Context) func(context.Context) error {
		return func(ctx context.Context) error {
			return WithScope(ctx, func(s *Scope) error {
				return s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Hour) })
			})
		}
	}, true},
}

func TestScopeFirstErrorCancelsTheRest(t *testing.T) {
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				var got error
				err := e.run(func(ctx context.Context) error {
					operation := o.prepare(e, ctx)
					return WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Go(func(ctx context.Context) error {
							got = operation(ctx)
							require.Equal(t, errTest, context.Cause(ctx), "the cause in the context of a cancelled task")
							return got
						}))
						settle(t, ctx)
						require.NoError(t, got, "%s before the cancellation", o.name)
						return s.Go(func(context.Context) error { return errTest })
					})
				})
				require.ErrorIs(t, got, errTest, "%s in a scope in which another task fails: want that error as the cause", o.name)
				require.True(t, err == errTest, "WithScope: got %v, want the first error alone, without its echo", err)
			})
		})
	}
}

func TestScopeCancellationIsLevelTriggered(t *testing.T) {
	for _, o := range operations {
		t.Run(o.name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					operation := o.prepare(e, ctx)
					err := WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Cancel(errTest))
						for range 3 {
							require.ErrorIs(t, operation(s.Context()), errTest, "%s in a cancelled scope", o.name)
							require.ErrorIs(t, operation(ctx), errTest, "%s in a cancelled scope, with a context from outside it", o.name)
						}
						return nil
					})
					require.NoError(t, err, "a scope that was cancelled and has no error")
					require.NoError(t, Sleep(ctx, 1), "an operation after the scope was left")
				})
			})
		})
	}
}

// The task is woken for another try, and cancelled before it runs: nobody is
// there to be interrupted, and what it waited for has not come.
func TestScopeCancellationIsNotLostOnATaskThatTriesAgain(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for name, prepare := range map[string]func() (*reactor.Source, reactor.Direction, func() error){
				"Read woken by a spurious event": func() (*reactor.Source, reactor.Direction, func() error) {
					c, _ := e.pair(ctx)
					return &c.src, reactor.In, func() error { _, err := c.Read(make([]byte, 1)); return err }
				},
				"Write woken by a spurious event": func() (*reactor.Source, reactor.Direction, func() error) {
					c, _ := e.pair(ctx)
					fill(t, c)
					return &c.src, reactor.Out, func() error { _, err := c.Write(make([]byte, 1<<20)); return err }
				},
				"Accept woken by a spurious event": func() (*reactor.Source, reactor.Direction, func() error) {
					ln := e.listen(ctx)
					return &ln.src, reactor.In, func() error { _, err := ln.Accept(); return err }
				},
			} {
				var parked *task
				err := WithScope(ctx, func(s *Scope) error {
					source, direction, operation := prepare()
					require.NoError(t, s.Go(func(ctx context.Context) error {
						parked, _ = currentTaskOf(ctx)
						return operation()
					}))
					settle(t, ctx)
					require.Equal(t, taskParked, parked.state, name)
					require.True(t, source.Cancel(direction), name) // as an event does
					parked.Ready(nil)
					return s.Cancel(errTest)
				})
				require.ErrorIs(t, err, errTest, name)
			}
		})
	})
	t.Run("Read that gets its turn", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				c, b := e.pair(ctx)
				err := WithScope(ctx, func(s *Scope) error {
					var second *Scope
					require.NoError(t, s.Go(func(context.Context) error {
						_, err := c.Read(make([]byte, 1))
						require.NoError(t, err)
						// The turn has gone to the other one, which has not run yet.
						return second.Cancel(errTest)
					}))
					settle(t, ctx)
					return WithScope(s.Context(), func(s *Scope) error {
						second = s
						require.NoError(t, s.Go(func(context.Context) error { _, err := c.Read(make([]byte, 1)); return err }))
						settle(t, ctx)
						_, err := b.Write([]byte("x"))
						return err
					})
				})
				require.ErrorIs(t, err, errTest)
			})
		})
	})
}

// passUntil lets the others run until something is the case. The task is in the queue
// before the loop looks for events, so it runs before one that an event makes ready: it
// sees that the other has been woken, and has not run. Only where a turn is long already,
// on a machine that is busy with something else, is it the other way round.
func passUntil(ctx context.Context, so func() bool) {
	t, _ := currentTaskOf(ctx)
	for !so() {
		t.pass() // Yield, without the time it takes to find out who calls
	}
}

func TestScopeCompletedIsNeverCancelled(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			var n int
			var failed error
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var reader *task
				require.NoError(t, s.Go(func(ctx context.Context) error {
					reader, _ = currentTaskOf(ctx)
					n, failed = a.Read(make([]byte, 8))
					return nil
				}))
				settle(t, ctx)
				_, err := b.Write([]byte("data"))
				require.NoError(t, err)
				passUntil(ctx, func() bool { return reader.state != taskParked })
				return s.Cancel(errTest)
			}))
			require.NoError(t, failed, "Read that was woken by its bytes, and cancelled in the same turn")
			require.Equal(t, 4, n, "bytes read")
		})
	})
	t.Run("an accepted connection reaches its handler", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			served := false
			err := e.run(func(ctx context.Context) error {
				ln := e.listen(ctx)
				return WithScope(ctx, func(s *Scope) error {
					var server *task
					require.NoError(t, s.Go(func(ctx context.Context) error {
						server, _ = currentTaskOf(ctx)
						return Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
							served = true
							_, err := c.Read(make([]byte, 1))
							require.ErrorIs(t, err, errTest)
							return err
						})
					}))
					settle(t, ctx)
					peer, err := net.Dial(e.network, ln.Addr().String())
					require.NoError(t, err)
					t.Cleanup(func() { peer.Close() })
					passUntil(ctx, func() bool { return server.state != taskParked || served })
					return s.Cancel(errTest)
				})
			})
			require.ErrorIs(t, err, errTest)
			require.True(t, served, "a connection that was there before Serve was cancelled: its handler did not run")
			require.Empty(t, e.log.find("WARN"), "a handler's echo of the cancellation is not worth a line")
		})
	})
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var event Event
			var waited, slept error
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error { waited = event.Wait(ctx); return nil }))
				var sleeper *task
				require.NoError(t, s.Go(func(ctx context.Context) error {
					sleeper, _ = currentTaskOf(ctx)
					slept = Sleep(ctx, time.Millisecond)
					return nil
				}))
				settle(t, ctx)
				require.NoError(t, event.Set(ctx))
				passUntil(ctx, func() bool { return sleeper.state != taskParked })
				return s.Cancel(errTest)
			}))
			require.NoError(t, waited, "Wait for an event that was set before the cancellation")
			require.NoError(t, slept, "Sleep that was over before the cancellation, or in the same turn")
		})
	})
}

func TestScopeIsCancelledWithTheOneOutside(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			const depth = 20
			felt := 0
			err := WithScope(ctx, func(outer *Scope) error {
				var nest func(level int) func(context.Context) error
				nest = func(level int) func(context.Context) error {
					return func(ctx context.Context) error {
						err := WithScope(ctx, func(s *Scope) error {
							if level > 0 {
								require.NoError(t, s.Go(nest(level-1)))
							}
							return Sleep(s.Context(), time.Hour)
						})
						require.True(t, err == errTest, "a scope %d levels inside one that is cancelled: got %v, want its cause", level, err)
						require.Equal(t, errTest, Sleep(ctx, time.Hour), "outside it the cancellation goes on")
						felt++
						return err
					}
				}
				require.NoError(t, outer.Go(nest(depth-1)))
				for range depth + 1 {
					require.NoError(t, Yield(ctx))
				}
				return outer.Cancel(errTest)
			})
			require.Equal(t, errTest, err)
			require.Equal(t, depth, felt, "scopes that felt it")
		})
	})
}

// The waiting is not cut short: it is for the tasks to end.
func TestScopeThatIsCancelledWaitsForItsTasks(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			var release Event
			ended := false
			err := WithScope(ctx, func(outer *Scope) error {
				require.NoError(t, outer.Go(func(ctx context.Context) error {
					err := WithScope(ctx, func(s *Scope) error {
						return s.Go(func(ctx context.Context) error {
							for { // a task that does not give in
								if release.Stats().Set {
									break
								}
								task, _ := currentTaskOf(ctx)
								task.pass()
							}
							ended = true
							return nil
						})
					})
					require.True(t, ended, "WithScope returned before its task")
					return err
				}))
				settle(t, ctx)
				require.NoError(t, outer.Cancel(errTest))
				for range 20 {
					task, _ := currentTaskOf(ctx)
					task.pass()
				}
				require.False(t, ended)
				return release.Set(ctx)
			})
			require.NoError(t, err, "no operation failed, so there is no error")
			require.True(t, ended)
		})
	})
}

func TestScopeCancelledBeforeTheFirstStepRunsTheTask(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		cleaned := 0
		err := WithScope(ctx, func(s *Scope) error {
			task := func(ctx context.Context) error {
				defer func() { cleaned++ }()
				require.ErrorIs(t, ctx.Err(), context.Canceled)
				return Yield(ctx)
			}
			require.NoError(t, s.Go(task))
			require.NoError(t, s.Cancel(errTest))
			return s.Go(task) // spawned after the cancellation
		})
		require.Equal(t, errTest, err)
		require.Equal(t, 2, cleaned, "tasks whose cleanup ran")
		return nil
	}))
}
