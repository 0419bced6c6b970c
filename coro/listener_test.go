package coro

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var _ net.Listener = (*Listener)(nil)

func TestListenerAcceptsInTheOrderOfArrival(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			for i := range 20 {
				_, err := e.dial(ctx, ln).Write([]byte{byte(i)})
				require.NoError(t, err)
			}
			for i := range 20 {
				c, err := ln.Accept()
				require.NoError(t, err)
				require.IsType(t, &Conn{}, c)
				got := make([]byte, 1)
				_, err = io.ReadFull(c, got)
				require.NoError(t, err)
				require.Equal(t, byte(i), got[0], "connection %d", i)
			}
		})
	})
}

func TestListenerServesAcceptorsInTheOrderInWhichTheyCame(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			var order []int
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for i := range 5 {
					require.NoError(t, s.Go(func(context.Context) error {
						_, err := ln.Accept()
						order = append(order, i)
						return err
					}))
				}
				settle(t, ctx)
				for range 5 {
					e.dial(ctx, ln)
				}
				return nil
			}))
			require.Equal(t, []int{0, 1, 2, 3, 4}, order)
		})
	})
}

func TestListenerCloseWakesAccept(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			c := e.dial(ctx, ln)
			accepted, err := ln.AcceptConn()
			require.NoError(t, err)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				first := background(t, s, func(context.Context) (net.Conn, error) { return ln.Accept() })
				second := background(t, s, func(context.Context) (*Conn, error) { return ln.AcceptConn() })
				settle(t, ctx)
				require.NoError(t, ln.Close())
				got, err := first.wait(ctx)
				require.ErrorIs(t, err, net.ErrClosed)
				require.True(t, got == nil, "the connection of a failed Accept: got %v, want nil", got)
				conn, err := second.wait(ctx)
				require.ErrorIs(t, err, net.ErrClosed, "Accept that waited for its turn")
				require.Nil(t, conn)
				return nil
			}))
			_, err = ln.Accept()
			require.ErrorIs(t, err, net.ErrClosed, "Accept after Close")
			require.ErrorIs(t, ln.Close(), net.ErrClosed, "a second Close")

			_, err = c.Write([]byte("x"))
			require.NoError(t, err)
			n, err := accepted.Read(make([]byte, 1))
			require.NoError(t, err, "an accepted connection goes on")
			require.Equal(t, 1, n)
			_, err = Dial(ctx, e.network, ln.Addr().String())
			require.Error(t, err, "Dial to a closed listener")
		})
	})
}

func TestListenerErrorsNameTheListener(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			require.NoError(t, ln.Close())
			var failed *net.OpError
			_, err := ln.Accept()
			require.ErrorAs(t, err, &failed)
			require.Equal(t, &net.OpError{Op: "accept", Net: e.network, Addr: ln.Addr(), Err: net.ErrClosed}, failed)
			require.ErrorAs(t, ln.Close(), &failed)
			require.Equal(t, &net.OpError{Op: "close", Net: e.network, Addr: ln.Addr(), Err: net.ErrClosed}, failed)
		})
	})
}

// Without descriptors Accept waits, and goes on when there are some.
func TestListenerOutlivesWantOfDescriptors(t *testing.T) {
	for _, errno := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM} {
		t.Run(errno.Error(), func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					ln := e.listen(ctx)
					e.dial(ctx, ln)
					e.dial(ctx, ln)
					tries := 0
					e.os.accept = func() error {
						if tries++; tries <= 3 {
							return tooMany{errno}
						}
						return nil
					}
					for range 2 {
						_, err := ln.Accept()
						require.NoError(t, err)
					}
					require.Equal(t, 5, tries, "calls of accept: three that fail, with a pause behind each, and one for each connection")
				})
				lines := e.log.lines()
				require.Len(t, lines, 1, "lines in the log for three failures in a row")
				require.Contains(t, lines[0], "WARN coro: cannot accept, will try again")
			})
		})
	}
	t.Run("Close wakes it from its pause", func(t *testing.T) {
		onEveryBackend(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				ln := e.listen(ctx)
				e.dial(ctx, ln)
				e.os.accept = func() error { return tooMany{syscall.EMFILE} }
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					p := background(t, s, func(context.Context) (*Conn, error) { return ln.AcceptConn() })
					settle(t, ctx)
					require.NotNil(t, ln.pausing)
					require.NoError(t, ln.Close())
					require.NoError(t, Yield(ctx))
					require.True(t, p.done.set, "Accept in its pause, a turn after Close: it still waits")
					_, err := p.wait(ctx)
					require.ErrorIs(t, err, net.ErrClosed)
					return nil
				}))
			})
		})
	})
	t.Run("so does a cancellation", func(t *testing.T) {
		onTCP(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				ln := e.listen(ctx)
				e.os.accept = func() error { return tooMany{syscall.EMFILE} }
				err := WithScope(ctx, func(s *Scope) error {
					require.NoError(t, s.Go(func(context.Context) error { _, err := ln.Accept(); return err }))
					settle(t, ctx)
					return s.Cancel(errTest)
				})
				require.ErrorIs(t, err, errTest)
			})
		})
	})
}

// tooMany is an error of the system that also is poller.ErrTooManyFiles.
type tooMany struct{ error }

func (e tooMany) Unwrap() []error { return []error{poller.ErrTooManyFiles, e.error} }

func TestListenerOutlivesAConnectionThatCannotBeRegistered(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			lost, kept := e.dial(ctx, ln), e.dial(ctx, ln)
			failures := 0
			e.os.add = func() error {
				if failures++; failures == 1 {
					return syscall.ENOSPC
				}
				return nil
			}
			c, err := ln.Accept()
			require.NoError(t, err)
			_, err = c.Write([]byte("x"))
			require.NoError(t, err)
			_, err = lost.Read(make([]byte, 1))
			require.Equal(t, io.EOF, err, "Read of the connection that was dropped")
			n, err := kept.Read(make([]byte, 1))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
		require.Contains(t, e.log.find("WARN coro: accepted connection dropped"), syscall.ENOSPC.Error())
	})
}

func TestListenRefusesWhatItCannotDo(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			taken := e.listen(ctx)
			before := openDescriptors()
			for _, test := range []struct {
				network, address, says string
				is                     error
			}{
				{"udp", "127.0.0.1:0", "unknown network", nil},
				{"", "", "unknown network", nil},
				{"tcp", "127.0.0.1", "missing port", nil},
				{"tcp", "localhost:0", "not an IP address", nil},
				{"tcp", "127.0.0.1:99999", "invalid port", nil},
				{"unix", "", "missing path", nil},
				{"tcp", taken.Addr().String(), taken.Addr().String() + ": bind: address already in use", syscall.EADDRINUSE},
				{"tcp", "192.0.2.1:0", "192.0.2.1:0: bind: cannot assign", syscall.EADDRNOTAVAIL},
			} {
				ln, err := Listen(ctx, test.network, test.address)
				require.Nil(t, ln, "%q %q", test.network, test.address)
				var failed *net.OpError
				require.ErrorAs(t, err, &failed, "%q %q", test.network, test.address)
				require.Equal(t, "listen", failed.Op)
				require.ErrorContains(t, err, test.says, "%q %q", test.network, test.address)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				}
			}
			e.os.add = func() error { return errTest }
			_, err := Listen(ctx, "tcp", "127.0.0.1:0")
			require.ErrorIs(t, err, errTest)
			require.Equal(t, before, openDescriptors(), "descriptors after Listen failed")
		})
	})
	_, err := Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.Equal(t, ErrNoLoop, err)
}

func TestListenerOfAUnixPath(t *testing.T) {
	onUnix(t, func(t *testing.T, e *env) {
		path := e.address()
		e.try(func(ctx context.Context) {
			ln, err := Listen(ctx, "unix", path)
			require.NoError(t, err)
			require.Equal(t, &net.UnixAddr{Net: "unix", Name: path}, ln.Addr())
			_, err = Listen(ctx, "unix", path)
			require.ErrorIs(t, err, poller.ErrPathInUse, "Listen where a server listens")
			require.NoError(t, ln.Close())
			require.NoFileExists(t, path, "the path after Close")

			// Somebody else has taken the path meanwhile.
			ln, err = Listen(ctx, "unix", path)
			require.NoError(t, err)
			require.NoError(t, os.Remove(path))
			require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600))
			require.NoError(t, ln.Close())
			require.FileExists(t, path, "another one's file at the path of a listener that was closed")
			_, err = Listen(ctx, "unix", path)
			require.ErrorIs(t, err, poller.ErrPathInUse, "Listen where a file is")
			require.FileExists(t, path)
			require.NoError(t, os.Remove(path))

			// A server died here.
			old, err := net.Listen("unix", path)
			require.NoError(t, err)
			old.(*net.UnixListener).SetUnlinkOnClose(false)
			require.NoError(t, old.Close())
			ln, err = Listen(ctx, "unix", path)
			require.NoError(t, err, "Listen at the path of a dead server")
			require.NoError(t, ln.Close())

			_, err = Listen(ctx, "unix", filepath.Dir(path))
			require.ErrorIs(t, err, poller.ErrPathInUse, "Listen where a directory is")
			require.DirExists(t, filepath.Dir(path))
			_, err = Listen(ctx, "unix", strings.Repeat("x", 200))
			require.Error(t, err, "Listen at a path that is too long")

			e.os.add = func() error { return errTest }
			_, err = Listen(ctx, "unix", path)
			require.ErrorIs(t, err, errTest)
			require.NoFileExists(t, path, "the path after Listen failed behind the bind")
		})
	})
}

func TestListenerOptionsReachItsConnections(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			config := ListenConfig{Options: poller.ListenOptions{SocketOptions: poller.SocketOptions{Delay: true}, ReusePort: true}}
			first, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			_, err = config.Listen(ctx, "tcp", first.Addr().String())
			require.NoError(t, err, "a second listener at a port, with ReusePort")
			c, err := Dialer{Options: poller.SocketOptions{Delay: true}}.Dial(ctx, "tcp", first.Addr().String())
			require.NoError(t, err)
			delayed, err := e.os.Option(c.src.FD(), poller.NoDelay)
			require.NoError(t, err)
			require.Zero(t, delayed, "TCP_NODELAY of a connection dialled with Delay")
			a, b := e.pair(ctx)
			for _, c := range []*Conn{a, b} {
				on, err := e.os.Option(c.src.FD(), poller.NoDelay)
				require.NoError(t, err)
				require.NotZero(t, on, "TCP_NODELAY by default")
			}
		})
	})
}

func TestListenDoesNotSuspend(t *testing.T) {
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		return WithScope(ctx, func(s *Scope) error {
			ran := false
			require.NoError(t, s.Go(func(context.Context) error { ran = true; return nil }))
			ln, err := Listen(ctx, "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			require.NoError(t, ln.Close())
			require.False(t, ran)
			require.NoError(t, Sleep(ctx, time.Microsecond))
			require.True(t, ran)
			return nil
		})
	}))
}
