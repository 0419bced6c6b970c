package coro

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// hasFastIdentity is true where currentG is more than goroutineNumber.
var hasFastIdentity = testing.AllocsPerRun(10, func() { currentG() }) == 0

// What happens for every message allocates nothing.
func TestOperationsDoNotAllocate(t *testing.T) {
	if raceEnabled || !hasFastIdentity {
		t.Skip("the race detector allocates, and so does identity where there is no assembly for it")
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error { _, err := io.Copy(b, b); return err }))
				message := make([]byte, 64)
				measure := func(what string, operation func() error) {
					t.Helper()
					var failed error
					allocs := testing.AllocsPerRun(200, func() {
						if err := operation(); err != nil {
							failed = err
						}
					})
					require.NoError(t, failed, what)
					require.Zero(t, allocs, "allocations of %s", what)
				}
				measure("an echo between two tasks", func() error {
					if _, err := a.Write(message); err != nil {
						return err
					}
					_, err := io.ReadFull(a, message)
					return err
				})
				require.NoError(t, a.SetDeadline(time.Now().Add(time.Hour))) // makes the deadlines
				measure("moving a deadline", func() error { return a.SetReadDeadline(time.Now().Add(time.Hour)) })
				measure("Yield", func() error { return Yield(ctx) })
				measure("Sleep", func() error { return Sleep(ctx, 1) })
				var event Event
				measure("an Event that is set", func() error {
					if err := event.Set(ctx); err != nil {
						return err
					}
					return event.Wait(ctx)
				})
				measure("spawning a task, and its end", func() error {
					if err := s.Go(nothing); err != nil {
						return err
					}
					return Yield(ctx)
				})
				return a.Close()
			}))
		})
	})
}

func nothing(context.Context) error { return nil }

func TestServeReadableCallsDoNotAllocate(t *testing.T) {
	if raceEnabled || !hasFastIdentity {
		t.Skip("the race detector allocates, and so does identity where there is no assembly for it")
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		var buf [1]byte
		echo := func(_ context.Context, c net.Conn) error {
			n, err := c.Read(buf[:])
			if err == nil {
				_, err = c.Write(buf[:n])
			}
			return err
		}
		require.NoError(t, e.servingReadable(ServeConfig{}, echo, func(ctx context.Context, _ *Scope, ln *Listener, _ *handlers) {
			c := e.dial(ctx, ln)
			message := make([]byte, 1)
			var failed error
			allocs := testing.AllocsPerRun(200, func() {
				if _, err := c.Write(message); err != nil {
					failed = err
				}
				if _, err := c.Read(message); err != nil {
					failed = err
				}
			})
			require.NoError(t, failed)
			require.Zero(t, allocs, "allocations of a call of the handler")
			require.NoError(t, c.Close())
			require.NoError(t, ln.Close())
		}))
	})
}
