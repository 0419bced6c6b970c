package coro

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Calls from goroutines that are no tasks of the loop.

// outside runs fn on a plain goroutine, while the task waits, and the loop goes on.
func outside(t *testing.T, ctx context.Context, fn func()) {
	t.Helper()
	_, err := BlockingOn(ctx, NewWorkers("outside", 1), func() (struct{}, error) {
		ended := make(chan struct{})
		go func() { defer close(ended); fn() }() // one that a require may end
		<-ended
		return struct{}{}, nil
	})
	require.NoError(t, err)
}

// fromEverywhere runs test on a task, and on a plain goroutine while the loop goes
// on.
func fromEverywhere(t *testing.T, ctx context.Context, test func()) {
	t.Helper()
	test()
	outside(t, ctx, test)
}

func TestConnServesPlainGoroutines(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			outside(t, ctx, func() {
				peer, err := net.Dial(e.network, ln.Addr().String())
				require.NoError(t, err)
				defer peer.Close()
				c, err := ln.Accept()
				require.NoError(t, err)
				want := pattern(1 << 20)
				var all sync.WaitGroup
				all.Go(func() {
					n, err := c.Write(want)
					require.NoError(t, err)
					require.Equal(t, len(want), n)
					require.NoError(t, c.(*Conn).CloseWrite())
				})
				all.Go(func() {
					got, err := io.ReadAll(c)
					require.NoError(t, err)
					require.True(t, bytes.Equal(want, got), "1 MiB sent back and forth: got %d bytes, or others", len(got))
				})
				all.Go(func() {
					_, err := io.Copy(peer, peer)
					require.NoError(t, err)
					require.NoError(t, peer.(interface{ CloseWrite() error }).CloseWrite())
				})
				all.Wait()
				require.Equal(t, e.network, c.LocalAddr().Network())
				require.NotEmpty(t, c.LocalAddr().String())
				require.NotNil(t, c.RemoteAddr())
				require.NoError(t, c.SetDeadline(time.Now().Add(-1)))
				_, err = c.Read(make([]byte, 1))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.NoError(t, c.Close())
				_, err = c.Read(make([]byte, 1))
				require.ErrorIs(t, err, net.ErrClosed)
				require.ErrorIs(t, c.Close(), net.ErrClosed)
				require.NoError(t, ln.Close())
				_, err = ln.Accept()
				require.ErrorIs(t, err, net.ErrClosed)
			})
		})
	})
}

func TestConnCloseWakesPlainGoroutines(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c, _ := e.pair(ctx)
			fill(t, c)
			ln := e.listen(ctx)
			task, _ := currentTaskOf(ctx)
			failed := make(chan error, 3)
			go func() { _, err := c.Read(make([]byte, 1)); failed <- err }()
			go func() { _, err := c.Write(make([]byte, 1<<20)); failed <- err }()
			go func() { _, err := ln.Accept(); failed <- err }()
			for task.loop().foreign.children < 3 {
				require.NoError(t, Sleep(ctx, 50*time.Microsecond)) // spinning would keep the others from running
			}
			require.NoError(t, c.Close())
			require.NoError(t, ln.Close())
			outside(t, ctx, func() {
				for range 3 {
					require.ErrorIs(t, wait(t, failed, "an operation on what was closed"), net.ErrClosed)
				}
			})
		})
	})
}

// Everybody calls everything: every call returns, and the race detector is
// content.
func TestConnCallsFromManyGoroutinesAtOnce(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		for range 5 {
			e.try(func(ctx context.Context) {
				a, b := e.pair(ctx)
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(context.Context) error { _, _ = io.Copy(b, b); return b.Close() }))
					outside(t, ctx, func() {
						var all sync.WaitGroup
						for i := range 8 {
							all.Go(func() {
								for range 20 {
									_, _ = a.Write([]byte("hello"))
									_ = a.SetDeadline(time.Now().Add(time.Minute))
									_, _ = a.Read(make([]byte, 5))
									_, _ = a.LocalAddr(), a.RemoteAddr()
								}
								if i == 0 {
									_ = a.CloseWrite()
								}
								_ = a.Close()
							})
						}
						all.Wait()
					})
					return nil
				}))
			})
		}
	})
}

// A task of another loop is a goroutine like any other, whose loop waits with it.
func TestConnServesTasksOfOtherLoops(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { _, err := io.Copy(b, b); return err }))
				outside(t, ctx, func() {
					require.NoError(t, Run(context.Background(), func(context.Context) error {
						_, err := a.Write([]byte("hello"))
						require.NoError(t, err)
						got := make([]byte, 5)
						_, err = io.ReadFull(a, got)
						require.NoError(t, err)
						require.Equal(t, "hello", string(got))
						return a.Close()
					}))
				})
				return nil
			}))
		})
	})
}

// A callback on the loop's goroutine is no task: an operation that suspends
// would stop the loop for ever, the others work.
func TestConnOnTheLoopsOwnGoroutine(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		called := false
		e.try(func(ctx context.Context) {
			c, _ := e.pair(ctx)
			ln := e.listen(ctx)
			var m Mutex
			require.NoError(t, m.Lock(ctx))
			e.log.hook = func() { // a handler's failure is logged by the loop
				if called {
					return
				}
				called = true
				_, err := c.Read(make([]byte, 1))
				require.ErrorIs(t, err, ErrNotTask, "Read in a callback")
				_, err = c.Write([]byte("x"))
				require.ErrorIs(t, err, ErrNotTask, "Write in a callback")
				_, err = ln.Accept()
				require.ErrorIs(t, err, ErrNotTask, "Accept in a callback")
				_, err = c.WriteTo(io.Discard)
				require.ErrorIs(t, err, ErrNotTask, "WriteTo in a callback")
				require.Equal(t, ErrNotTask, Sleep(ctx, 1), "Sleep in a callback")
				require.Equal(t, ErrNotTask, m.Unlock(), "Unlock in a callback")
				require.Equal(t, ErrNested, Run(context.Background(), func(context.Context) error { return nil }), "Run in a callback")
				require.NoError(t, c.SetDeadline(time.Now()), "SetDeadline in a callback")
				require.NotNil(t, c.LocalAddr(), "LocalAddr in a callback")
				require.NoError(t, c.CloseWrite(), "CloseWrite in a callback")
				require.NoError(t, c.Close(), "Close in a callback")
				require.NoError(t, ln.Close(), "Close of a listener in a callback")
			}
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				ln := e.listen(ctx)
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return Serve(ctx, ln, func(context.Context, net.Conn) error { _ = ln.Close(); return errTest })
				}))
				return e.dial(ctx, ln).Close()
			}))
		})
		require.True(t, called, "the log: it was not written")
	})
}

// Goroutines go on calling while the loop ends: every call returns.
func TestConnCallsThatRaceWithTheLoopsEnd(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		for range 20 {
			var all sync.WaitGroup
			e.try(func(ctx context.Context) {
				c, _ := e.pair(ctx)
				fill(t, c)
				ln := e.listen(ctx)
				task, _ := currentTaskOf(ctx)
				for name, call := range map[string]func() error{
					"Read":        func() error { return second(c.Read(make([]byte, 1))) },
					"Write":       func() error { return second(c.Write(make([]byte, 1<<20))) },
					"WriteTo":     func() error { return second(c.WriteTo(io.Discard)) },
					"Accept":      func() error { return second(ln.Accept()) },
					"SetDeadline": func() error { return c.SetDeadline(time.Time{}) },
					"addresses":   func() error { _, _ = c.LocalAddr(), c.RemoteAddr(); return c.SetReadDeadline(time.Time{}) },
				} {
					for range 2 {
						all.Go(func() {
							for {
								if err := call(); err != nil {
									require.ErrorIs(t, err, net.ErrClosed, "%s, with the loop's end under way", name)
									return
								}
							}
						})
					}
				}
				for task.loop().foreign.children < 4 {
					require.NoError(t, Sleep(ctx, 50*time.Microsecond))
				}
			})
			all.Wait()
		}
	})
}
