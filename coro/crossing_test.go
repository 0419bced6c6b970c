package coro

import (
	"context"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onTwoLoops runs two mains at the same time, each on a loop of its own, and
// gives each a connection of the other's.
func onTwoLoops(t *testing.T, e *env, main func(ctx context.Context, s *Scope, own *Conn, others *Conn)) {
	t.Helper()
	conns := [2]chan *Conn{make(chan *Conn, 1), make(chan *Conn, 1)}
	done := make(chan error, 2)
	both := make(chan struct{}, 2) // closing a loop closes what the other one may still use
	for i := range 2 {
		c := e.config()
		go func() {
			done <- c.Run(context.Background(), func(ctx context.Context) error {
				a, b := e.pair(ctx)
				conns[i] <- a
				others, err := Blocking(ctx, func() (*Conn, error) { return <-conns[1-i], nil })
				if err != nil {
					return err
				}
				err = WithScope(ctx, func(s *Scope) error { main(ctx, s, b, others); return nil })
				_, _ = Blocking(ctx, func() (int, error) {
					both <- struct{}{}
					for len(both) < 2 {
						runtime.Gosched()
					}
					return 0, nil
				})
				return err
			})
		}()
	}
	for range 2 {
		require.NoError(t, wait(t, done, "two loops"))
	}
}

// Two loops whose tasks use each other's connections: each task waits, and no
// loop does.
func TestConnsOfTwoLoopsUsedCrosswise(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		onTwoLoops(t, e, func(ctx context.Context, s *Scope, own, others *Conn) {
			const rounds = 200
			require.NoError(t, s.Go(func(context.Context) error {
				p := make([]byte, 1)
				for range rounds {
					if _, err := own.Read(p); err != nil {
						return err
					}
				}
				return nil
			}))
			for range rounds {
				require.NoError(t, others.SetDeadline(time.Time{}))
				_, err := others.Write([]byte("x"))
				require.NoError(t, err)
				require.NotNil(t, others.LocalAddr())
			}
		})
	})
}

// The cancellation of a task that waits for another loop reaches the operation
// there, which leaves the connection as it was.
func TestConnOfAnotherLoopIsCancelledWithItsCaller(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		onTwoLoops(t, e, func(ctx context.Context, s *Scope, own, others *Conn) {
			go func() { // an answer, once the other loop's task has asked
				if _, err := own.Read(make([]byte, 1)); err == nil {
					_, _ = own.Write([]byte("y"))
				}
			}()
			p := make([]byte, 1)
			err := Timeout(ctx, time.Millisecond, func(context.Context) error { _, err := others.Read(p); return err })
			require.ErrorAs(t, err, new(*TimeoutError), "Read of a connection of another loop, in a Timeout")
			require.ErrorAs(t, err, new(*net.OpError))

			require.NoError(t, Shield(ctx, func(ctx context.Context) error {
				return Timeout(ctx, 0, func(context.Context) error {
					_, err := others.Write(p)
					require.ErrorIs(t, err, os.ErrDeadlineExceeded, "Write in a cancelled scope")
					require.NoError(t, others.SetDeadline(time.Time{}), "what does not suspend works there")
					return nil
				})
			}))

			_, err = others.Write([]byte("?"))
			require.NoError(t, err)
			_, err = others.Read(p)
			require.NoError(t, err)
			require.Equal(t, "y", string(p), "the next Read")
		})
	})
}

// What goes wrong in a function that the loop calls for a goroutine is that
// goroutine's, and nobody else's.
func TestCallOfAGoroutineThatFailsCostsNobodyElse(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			raw, err := a.SyscallConn()
			require.NoError(t, err)
			ln := e.listen(ctx)
			rawListener, err := ln.SyscallConn()
			require.NoError(t, err)
			reading := make(chan error, 1)
			go func() { _, err := b.Read(make([]byte, 1)); reading <- err }() // another goroutine's call

			for name, call := range map[string]func(f func()) error{
				"Read":     func(f func()) error { return raw.Read(func(uintptr) bool { f(); return true }) },
				"Write":    func(f func()) error { return raw.Write(func(uintptr) bool { f(); return true }) },
				"Control":  func(f func()) error { return raw.Control(func(uintptr) { f() }) },
				"Listener": func(f func()) error { return rawListener.Control(func(uintptr) { f() }) },
			} {
				outside(t, ctx, func() {
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						_ = call(runtime.Goexit)
						t.Errorf("%s: the caller of a function that called Goexit goes on", name)
					}()
					wait(t, ended, "the caller's end")
					defer func() {
						var panicked *PanicError
						require.ErrorAs(t, recover().(error), &panicked, name)
						require.Equal(t, "boom", panicked.Value)
						require.ErrorContains(t, panicked, "for another goroutine")
						require.NotEmpty(t, panicked.Stack)
					}()
					_ = call(func() { panic("boom") })
				})
			}
			_, err = a.Write([]byte("x"))
			require.NoError(t, err)
			_, err = Blocking(ctx, func() (int, error) { return 0, <-reading })
			require.NoError(t, err, "Read of another goroutine")
		})
	})
}
