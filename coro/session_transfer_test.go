//go:build linux

package coro

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// A copy inside the kernel tells the session the same as one that reads and
// writes: each piece of an echo is a request of its own, and none goes on for ever.
func TestSpliceIsSeenByTheSession(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		const size = 4 << 20
		spliced := 0
		_, err := e.withLimits(ServeConfig{RequestTimeout: long, DrainTimeout: long}, func(_ context.Context, c net.Conn) error {
			n := c.(*Conn).extra.session
			e.os.splice = func() error {
				spliced++
				require.False(t, n.phase == phaseRequest && n.answered, "the next piece belongs to a request that was answered")
				return nil
			}
			_, err := io.Copy(c, c)
			return err
		}, func(ctx context.Context, s *Scope, ln *Listener) {
			c := e.dial(ctx, ln)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error {
					_, err := c.Write(make([]byte, size))
					return errors.Join(err, c.CloseWrite())
				}))
				require.Len(t, readAll(t, c), size)
				return nil
			}))
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Greater(t, spliced, 1)
	})
}

// A server that drains ends a copy inside the kernel when what was there has been
// answered.
func TestSpliceEndsWithTheDrain(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		var s *Scope
		failed, err := e.withLimits(ServeConfig{DrainTimeout: long}, func(_ context.Context, c net.Conn) error {
			e.os.splice = func() error { return s.Cancel(errTest) }
			_, err := io.Copy(c, c)
			return err
		}, func(ctx context.Context, scope *Scope, ln *Listener) {
			s = scope
			_ = Shield(ctx, func(context.Context) error {
				c := e.dial(ctx, ln)
				return WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(context.Context) error {
						for {
							if _, err := c.Write(make([]byte, 1<<20)); err != nil {
								return nil
							}
						}
					}))
					_, _ = io.Copy(io.Discard, c)
					return c.Close()
				})
			})
		})
		require.ErrorIs(t, err, errTest)
		require.Len(t, failed, 1)
		require.ErrorIs(t, failed[0], errTest)
	})
}

// Bytes that a function of SyscallConn's has moved are bytes: of a request, of an
// answer, and of what a handler was called for.
func TestRawConnIsSeenByServe(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		var failed error
		err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
			return serve(ServeConfig{IdleTimeout: long, RequestTimeout: long}, ctx, ln, func(_ context.Context, c net.Conn) (err error) {
				defer func() { failed = errors.Join(failed, err) }()
				raw, err := c.(*Conn).SyscallConn()
				if err != nil {
					return err
				}
				buf := make([]byte, 8)
				n := 0
				read := raw.Read(func(fd uintptr) bool {
					n, err = syscall.Read(int(fd), buf)
					return err != syscall.EAGAIN
				})
				if x := c.(*Conn).extra; x.session != nil {
					require.Equal(t, phaseRequest, x.session.phase, "after a raw read")
				}
				if err := errors.Join(read, err); err != nil || n == 0 {
					return errors.Join(err, io.EOF)
				}
				write := raw.Write(func(fd uintptr) bool {
					_, err = syscall.Write(int(fd), buf[:n])
					return err != syscall.EAGAIN
				})
				if x := c.(*Conn).extra; x.session != nil {
					require.True(t, x.session.answered, "after a raw write")
				}
				return errors.Join(write, err)
			})
		}, func(ctx context.Context, s *Scope, ln *Listener) {
			c := e.dial(ctx, ln)
			ask(t, c, "one")
			require.NoError(t, ln.Close())
			require.NoError(t, c.Close())
		})
		require.NoError(t, err)
		require.NotErrorIs(t, failed, ErrNothingRead)
		require.Empty(t, e.log.find("WARN"), "what was logged")
	})
}
