//go:build unix

package coro

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	_ syscall.Conn = (*Conn)(nil)
	_ syscall.Conn = (*Listener)(nil)
)

func TestRawConnWaitsForItsFunction(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			raw, err := a.SyscallConn()
			require.NoError(t, err)
			fromEverywhere(t, ctx, func() {
				task := a.loop.currentTask() != nil
				read := make(chan struct{})
				if !task {
					go func() { <-read; _, _ = b.Write([]byte("hello")) }()
				} else {
					require.NoError(t, a.loop.reactor.Post(func() {
						a.loop.spawn(&a.loop.foreign.scope, func(context.Context) error { _, err := b.Write([]byte("hello")); return err }, 0)
					}))
				}
				calls, got := 0, ""
				require.NoError(t, raw.Read(func(fd uintptr) bool {
					if calls++; calls == 1 && !task {
						close(read)
					}
					p := make([]byte, 8)
					n, err := syscall.Read(int(fd), p)
					if err == syscall.EAGAIN {
						return false
					}
					require.NoError(t, err)
					got = string(p[:n])
					return true
				}))
				require.Equal(t, "hello", got)
				require.Greater(t, calls, 1, "calls of a function that had to wait")
				require.NoError(t, raw.Write(func(fd uintptr) bool {
					_, err := syscall.Write(int(fd), []byte("answer"))
					require.NoError(t, err)
					return true
				}))
				p := make([]byte, 8)
				n, err := b.Read(p)
				require.NoError(t, err)
				require.Equal(t, "answer", string(p[:n]))
				var name syscall.Sockaddr
				require.NoError(t, raw.Control(func(fd uintptr) { name, err = syscall.Getsockname(int(fd)) }))
				require.NoError(t, err)
				require.NotNil(t, name)
			})
		})
	})
}

// A panic of the function is its caller's, and costs the connection nothing.
func TestRawConnPanicIsTheCallers(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			raw, err := a.SyscallConn()
			require.NoError(t, err)
			bad := func(uintptr) bool { panic("in a function") }
			fromEverywhere(t, ctx, func() {
				require.Panics(t, func() { _ = raw.Read(bad) })
				require.Panics(t, func() { _ = raw.Write(bad) })
				require.Panics(t, func() { _ = raw.Control(func(uintptr) { panic("in a function") }) })
				require.NoError(t, raw.Read(func(uintptr) bool { return true }))
				n, err := a.Write([]byte("x"))
				require.NoError(t, err)
				require.Equal(t, 1, n)
			})
		})
	})
}

func TestRawConnHasTheConnsErrors(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			raw, err := a.SyscallConn()
			require.NoError(t, err)
			never := func(uintptr) bool { return false }
			require.NoError(t, a.SetDeadline(time.Now().Add(time.Millisecond)))
			fromEverywhere(t, ctx, func() {
				require.ErrorIs(t, raw.Read(never), os.ErrDeadlineExceeded)
				require.ErrorIs(t, raw.Write(never), os.ErrDeadlineExceeded)
			})
			require.NoError(t, a.SetDeadline(time.Time{}))
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(context.Context) (int, error) { return 0, raw.Read(never) })
				settle(t, ctx)
				require.NoError(t, a.Close())
				_, err := p.wait(ctx)
				require.ErrorIs(t, err, net.ErrClosed)
				return nil
			}))
			fromEverywhere(t, ctx, func() {
				for op, err := range map[string]error{
					"raw-read": raw.Read(never), "raw-write": raw.Write(never), "raw-control": raw.Control(func(uintptr) {}),
				} {
					require.ErrorIs(t, err, net.ErrClosed, op)
					var failed *net.OpError
					require.ErrorAs(t, err, &failed)
					require.Equal(t, op, failed.Op)
				}
			})
			c, _ := e.pair(ctx)
			e.os.bare = false
			ln := e.listen(ctx)
			rawListener, err := ln.SyscallConn()
			require.NoError(t, err)
			require.NoError(t, rawListener.Control(func(fd uintptr) { _, err = syscall.Getsockname(int(fd)) }))
			require.NoError(t, err)
			require.Equal(t, syscall.EINVAL, rawListener.Read(never))
			require.NoError(t, ln.Close())
			require.ErrorIs(t, rawListener.Control(func(uintptr) {}), net.ErrClosed)
			require.ErrorIs(t, second(ln.SyscallConn()), net.ErrClosed)
			require.ErrorIs(t, second(ln.File()), net.ErrClosed)
			require.NoError(t, c.Close())
		})
	})
}
