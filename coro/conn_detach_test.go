package coro

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestDetachHandsTheStreamOver(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		before := openDescriptors()
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			_, err := b.Write([]byte("read here|read there|"))
			require.NoError(t, err)
			got := make([]byte, 10)
			_, err = io.ReadFull(a, got)
			require.NoError(t, err)
			local, remote := a.LocalAddr(), a.RemoteAddr()
			detached, err := a.Detach()
			require.NoError(t, err)
			if e.network == "tcp" {
				require.IsType(t, &net.TCPConn{}, detached)
			} else {
				require.IsType(t, &net.UnixConn{}, detached)
			}
			require.Equal(t, local.String(), detached.LocalAddr().String())
			require.Equal(t, remote.String(), detached.RemoteAddr().String())
			for name, err := range map[string]error{
				"Read": second(a.Read(got)), "Write": second(a.Write(got)), "Close": a.Close(),
				"Detach": second(a.Detach()), "File": second(a.File()), "SyscallConn": second(a.SyscallConn()),
			} {
				require.ErrorIs(t, err, net.ErrClosed, "%s after Detach", name)
			}
			outside(t, ctx, func() {
				_, err := b.Write([]byte("sent later"))
				require.NoError(t, err)
				got := make([]byte, 21)
				_, err = io.ReadFull(detached, got)
				require.NoError(t, err)
				require.Equal(t, "read there|sent later", string(got))
				require.NoError(t, detached.SetReadDeadline(time.Now().Add(time.Millisecond)))
				_, err = detached.Read(got)
				require.ErrorIs(t, err, os.ErrDeadlineExceeded, "Go's own poller serves it")
				_, err = detached.Write([]byte("answer"))
				require.NoError(t, err)
				require.NoError(t, detached.Close())
			})
			require.Equal(t, "answer", string(readAll(t, b)), "the end comes with the last Close: no descriptor is left")
		})
		require.Equal(t, before, openDescriptors(), "descriptors")
	})
}

func TestDetachWakesWhoWaits(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			full := fill(t, a)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var waiting []*promise[int]
				for range 2 { // one waits for the kernel, the other for its turn
					waiting = append(waiting,
						background(t, s, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) }),
						background(t, s, func(context.Context) (int, error) { return a.Write(make([]byte, 1<<20)) }))
				}
				settle(t, ctx)
				detached, err := a.Detach()
				require.NoError(t, err)
				for _, p := range waiting {
					n, err := p.wait(ctx)
					require.ErrorIs(t, err, net.ErrClosed)
					require.Zero(t, n)
				}
				require.NoError(t, detached.Close())
				rest, err := io.Copy(io.Discard, b)
				require.EqualValues(t, full, rest, "bytes written before")
				return err
			}))
		})
	})
}

func TestDetachInEveryState(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		for name, prepare := range map[string]func(a, b *Conn) error{
			"fresh":                  func(_, _ *Conn) error { return nil },
			"half-closed here":       func(a, _ *Conn) error { return a.CloseWrite() },
			"half-closed there":      func(_, b *Conn) error { return b.CloseWrite() },
			"the peer is gone":       func(_, b *Conn) error { return b.Close() },
			"with deadlines past":    func(a, _ *Conn) error { return a.SetDeadline(time.Unix(1, 0)) },
			"handed out as a file":   func(a, _ *Conn) error { f, err := a.File(); _ = f.Close(); return err },
			"with deadlines to come": func(a, _ *Conn) error { return a.SetDeadline(time.Now().Add(time.Hour)) },
		} {
			before := openDescriptors()
			e.try(func(ctx context.Context) {
				a, b := e.pair(ctx)
				require.NoError(t, prepare(a, b), name)
				settle(t, ctx)
				detached, err := a.Detach()
				require.NoError(t, err, name)
				require.NoError(t, detached.Close(), name)
				_, err = io.Copy(io.Discard, b)
				if name != "the peer is gone" {
					require.NoError(t, err, name)
				}
			})
			require.Equal(t, before, openDescriptors(), "descriptors: %s", name)
		}
	})
}

func TestDetachThatFailsChangesNothing(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				reader := background(t, s, func(context.Context) (int, error) { return a.Read(make([]byte, 8)) })
				settle(t, ctx)
				e.os.transfers.duplicate = func() error { return syscall.EMFILE }
				_, err := a.Detach()
				require.ErrorIs(t, err, syscall.EMFILE)
				var failed *net.OpError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, "detach", failed.Op)
				e.os.bare = true
				_, err = a.Detach()
				require.ErrorIs(t, err, errBare, "on a system whose descriptors are not the process's")
				require.ErrorIs(t, second(a.File()), errBare)
				_, err = b.Write([]byte("hello"))
				require.NoError(t, err)
				n, err := reader.wait(ctx)
				require.NoError(t, err, "a Read that waited meanwhile")
				require.Equal(t, 5, n)
				return nil
			}))
		})
	})
}

// net.FileConn turns options on; a detached connection has those it had.
func TestDetachKeepsTheOptions(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, a.SetNoDelay(false))
			require.NoError(t, b.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: 77 * time.Second, Interval: 7 * time.Second, Count: 3}))
			for _, c := range []*Conn{a, b} {
				want := c.options()
				detached, err := c.Detach()
				require.NoError(t, err)
				raw, err := detached.(*net.TCPConn).SyscallConn()
				require.NoError(t, err)
				require.NoError(t, raw.Control(func(fd uintptr) {
					for i, o := range detachedOptions {
						got, err := e.os.Option(poller.FD(fd), o)
						require.NoError(t, err)
						require.Equal(t, want[i], got, "%v", o)
					}
				}))
				require.NoError(t, detached.Close())
			}
		})
	})
}

// A handler gives its connection away, and Serve's Close of it does no harm.
func TestDetachUnderServe(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			given := make(chan net.Conn, 1)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					return Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
						detached, err := c.(*Conn).Detach()
						given <- detached
						return err
					})
				}))
				c := e.dial(ctx, ln)
				outside(t, ctx, func() {
					detached := wait(t, given, "a detached connection")
					_, err := detached.Write([]byte("hello"))
					require.NoError(t, err)
					require.NoError(t, detached.Close())
				})
				require.Equal(t, "hello", string(readAll(t, c)))
				return ln.Close()
			}))
		})
	})
}

// With a duplicate alive, the end of the registration is not left to the close.
func TestConnWhoseFileWasHandedOut(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			file, err := a.File()
			require.NoError(t, err)
			require.NoError(t, a.Close())
			task, _ := currentTaskOf(ctx)
			before := task.loop().reactor.Stats().StaleEvents
			for range 5 {
				_, err = b.Write([]byte("x"))
				require.NoError(t, err)
				require.NoError(t, Sleep(ctx, time.Millisecond))
			}
			require.Equal(t, before, task.loop().reactor.Stats().StaleEvents, "events of a connection that is closed")
			got := make([]byte, 8)
			n, err := file.Read(got)
			require.NoError(t, err)
			require.Equal(t, "xxxxx", string(got[:n]), "the duplicate has the stream")
			require.NoError(t, file.Close())
			require.Equal(t, "", string(readAll(t, b)))
		})
	})
}
