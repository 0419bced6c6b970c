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
			defer c.leave(0)
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
		return func(ctx context.Context) error { _, err := d.Dial(ctx, "tcp", "name.invalid:1"); return err }
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
				// This task is in the queue before the loop looks for events,
				// so it runs before the one that an event makes ready.
				for reader.state == taskParked {
					require.NoError(t, Yield(ctx))
				}
				require.Equal(t, taskReady, reader.state)
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
					for server.state == taskParked {
						require.NoError(t, Yield(ctx))
					}
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
				for sleeper.state == taskParked {
					require.NoError(t, Yield(ctx))
				}
				return s.Cancel(errTest)
			}))
			require.NoError(t, waited, "Wait for an event that was set before the cancellation")
			require.NoError(t, slept, "Sleep that was over before the cancellation, or in the same turn")
		})
	})
}

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

func TestScopeCancel(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Cancel(nil))
			require.Equal(t, context.Canceled, Yield(ctx), "after Cancel(nil)")
			require.NoError(t, s.Cancel(errTest), "Cancel in a cancelled scope")
			require.Equal(t, context.Canceled, Yield(ctx), "after a second Cancel: the first counts")
			return nil
		}))
		// Cancelling from inside what a cancellation set off.
		err := WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(func(ctx context.Context) error {
				err := Sleep(ctx, time.Hour)
				require.NoError(t, s.Cancel(errors.New("another")))
				return err
			}))
			settle(t, ctx)
			return s.Cancel(errTest)
		})
		require.Equal(t, errTest, err)
		return nil
	}))
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

func TestScopeRefusesToBeginUnderACancellation(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		body := func(*Scope) error { panic("it ran") }
		require.NoError(t, WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Cancel(errTest))
			require.Equal(t, errTest, WithScope(ctx, body), "WithScope in a cancelled scope")
			return nil
		}))
		over, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		require.Equal(t, errTest, WithScope(over, body), "WithScope with a context that has ended")
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

func TestScopeContextOfAnOuterScopeIsHarmless(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(outer context.Context) error {
		require.NoError(t, WithScope(outer, func(s *Scope) error {
			return s.Go(func(context.Context) error {
				require.NoError(t, Sleep(outer, 1), "Sleep with a context from outside")
				return WithScope(outer, func(inner *Scope) error {
					require.True(t, inner.parent == s, "the parent of a scope: want the one its task is in, not the one of the context")
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

// The loop's queue is full when a context ends.
func TestScopeIsCancelledAlsoWhenTheQueueOfPostsIsFull(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		c := e.config()
		c.Reactor.Limits.MaxPosted = 1
		require.NoError(t, e.runWith(c, func(ctx context.Context) error {
			timed, cancel := context.WithCancelCause(ctx)
			return WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					task, _ := currentTaskOf(ctx)
					require.NoError(t, task.loop().reactor.Post(func() {})) // the one there is room for
					cancel(errTest)
					for i := 0; i < 1000; i++ {
						runtime.Gosched() // let the context's goroutine try
					}
					return nil
				}))
				require.Equal(t, errTest, Sleep(timed, time.Hour))
				return nil
			})
		}))
	})
}
