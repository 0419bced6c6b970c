package coro

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var _ net.Conn = (*Conn)(nil)

func TestConnCarriesEveryByte(t *testing.T) {
	for _, size := range []int{1, 100, 64 << 10, 4 << 20} {
		t.Run(fmt.Sprintf("%d bytes, then the end", size), func(t *testing.T) {
			onEverySystem(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					a, b := e.pair(ctx)
					want := pattern(size)
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Go(func(context.Context) error {
							n, err := a.Write(want)
							require.NoError(t, err)
							require.Equal(t, size, n, "bytes written")
							return a.Close()
						}))
						got, err := io.ReadAll(b)
						require.NoError(t, err)
						require.True(t, bytes.Equal(want, got), "%d bytes, then the end: got %d bytes, or others", size, len(got))
						for range 2 {
							n, err := b.Read(make([]byte, 1))
							require.Equal(t, io.EOF, err, "Read at the end, as it is")
							require.Zero(t, n)
						}
						return nil
					}))
				})
			})
		})
	}
}

func TestConnReadReturnsWhatIsThere(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			_, err := a.Write([]byte("abcdef"))
			require.NoError(t, err)
			got := make([]byte, 4)
			n, err := b.Read(got)
			require.NoError(t, err)
			require.Equal(t, "abcd", string(got[:n]))
			n, err = b.Read(got)
			require.NoError(t, err)
			require.Equal(t, "ef", string(got[:n]))
		})
	})
}

func TestConnHalfClose(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error {
					question, err := io.ReadAll(b)
					require.NoError(t, err)
					_, err = b.Write([]byte("the answer to " + string(question)))
					require.NoError(t, err)
					return b.Close()
				}))
				_, err := a.Write([]byte("a question"))
				require.NoError(t, err)
				require.NoError(t, a.CloseWrite())
				_, err = a.Write([]byte("x"))
				require.ErrorIs(t, err, syscall.EPIPE, "Write after CloseWrite")
				answer, err := io.ReadAll(a)
				require.NoError(t, err)
				require.Equal(t, "the answer to a question", string(answer), "what came back after CloseWrite")
				return a.Close()
			}))
		})
	})
}

func TestConnResetIsAnErrorAndNotTheEnd(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		for _, waiting := range []bool{false, true} {
			e.try(func(ctx context.Context) {
				peer, c := e.peer(ctx)
				reset := func() {
					require.NoError(t, peer.(*net.TCPConn).SetLinger(0))
					require.NoError(t, peer.Close())
				}
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					if !waiting {
						reset()
					}
					reader := background(t, s, func(context.Context) (int, error) { return c.Read(make([]byte, 1)) })
					settle(t, ctx)
					if waiting {
						reset()
					}
					n, err := reader.wait(ctx)
					require.ErrorIs(t, err, syscall.ECONNRESET, "Read of a connection that was reset (while it waited: %v)", waiting)
					require.Zero(t, n)
					_, err = c.Write([]byte("x"))
					require.ErrorIs(t, err, syscall.EPIPE, "Write after the reset")
					return nil
				}))
			})
		}
	})
}

func TestConnCloseWakesEveryoneWhoWaits(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			full := fill(t, a)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var waiting []*promise[int]
				for range 3 { // one waits for the kernel, the others for their turn
					waiting = append(waiting,
						background(t, s, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) }),
						background(t, s, func(context.Context) (int, error) { return a.Write(make([]byte, 1<<20)) }))
				}
				settle(t, ctx)
				require.NoError(t, a.Close())
				for _, p := range waiting {
					n, err := p.wait(ctx)
					require.ErrorIs(t, err, net.ErrClosed)
					require.Zero(t, n)
				}
				return nil
			}))
			for name, err := range map[string]error{
				"Read":             second(a.Read(make([]byte, 1))),
				"Read of nothing":  second(a.Read(nil)),
				"Write":            second(a.Write([]byte("x"))),
				"Write of nothing": second(a.Write(nil)),
				"WriteTo":          second(a.WriteTo(io.Discard)),
				"CloseWrite":       a.CloseWrite(),
				"Close":            a.Close(),
				"SetDeadline":      a.SetDeadline(time.Now()),
				"SetReadDeadline":  a.SetReadDeadline(time.Time{}),
				"SetWriteDeadline": a.SetWriteDeadline(time.Time{}),
			} {
				require.ErrorIs(t, err, net.ErrClosed, "%s after Close", name)
			}
			// The kernel goes on sending what was written.
			rest, err := io.Copy(io.Discard, b)
			require.NoError(t, err)
			require.EqualValues(t, full, rest, "bytes the peer reads after Close")
		})
	})
}

func second[T any](_ T, err error) error { return err }

func TestConnOperationsOfNothing(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			for range 100 {
				n, err := a.Read(nil)
				require.NoError(t, err, "Read into an empty slice")
				require.Zero(t, n)
				n, err = a.Write(nil)
				require.NoError(t, err, "Write of an empty slice")
				require.Zero(t, n)
			}
		})
	})
}

func TestConnWritersArriveInOnePieceEach(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			const writers, size = 8, 300_000 // more than the kernel takes at once
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(ctx context.Context) error {
					err := WithScope(ctx, func(s *Scope) error {
						for i := range writers {
							require.NoError(t, s.Go(func(context.Context) error {
								_, err := a.Write(bytes.Repeat([]byte{byte('a' + i)}, size))
								return err
							}))
						}
						return nil
					})
					require.NoError(t, err)
					return a.Close()
				}))
				got, err := io.ReadAll(b)
				require.NoError(t, err)
				require.Len(t, got, writers*size)
				for i := range writers {
					piece := got[i*size : (i+1)*size]
					require.Equal(t, size, bytes.Count(piece, []byte{byte('a' + i)}), "what writer %d wrote, in the place it came in", i)
				}
				return nil
			}))
		})
	})
}

func TestConnReadersTakeTurns(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			var order []int
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for i := range 10 {
					require.NoError(t, s.Go(func(context.Context) error {
						n, err := a.Read(make([]byte, 1))
						require.Equal(t, 1, n)
						order = append(order, i)
						return err
					}))
				}
				settle(t, ctx)
				_, err := b.Write(make([]byte, 10))
				return err
			}))
			require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order, "the order in which readers got a byte, want that in which they came")
		})
	})
	t.Run("a cancelled one gives its turn to the next", func(t *testing.T) {
		onEverySystem(t, func(t *testing.T, e *env) {
			e.try(func(ctx context.Context) {
				a, b := e.pair(ctx)
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					var readers []*promise[int]
					var scopes []*Scope
					for range 4 {
						readers = append(readers, background(t, s, func(ctx context.Context) (n int, err error) {
							err = WithScope(ctx, func(s *Scope) error {
								scopes = append(scopes, s)
								n, err = a.Read(make([]byte, 1))
								return err
							})
							return n, err
						}))
						settle(t, ctx)
					}
					for _, i := range []int{2, 0} { // one that waits for its turn, and the one that has it
						require.NoError(t, scopes[i].Cancel(errTest))
						n, err := readers[i].wait(ctx)
						require.ErrorIs(t, err, errTest)
						require.Zero(t, n)
					}
					_, err := b.Write([]byte("xy"))
					require.NoError(t, err)
					for _, i := range []int{1, 3} {
						n, err := readers[i].wait(ctx)
						require.NoError(t, err)
						require.Equal(t, 1, n)
					}
					return nil
				}))
			})
		})
	})
}

// A read and a write of one connection do not wait for one another.
func TestConnDirectionsAreIndependent(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				reader := background(t, s, func(context.Context) (int, error) { return a.Read(make([]byte, 1)) })
				settle(t, ctx)
				_, err := a.Write([]byte("x"))
				require.NoError(t, err, "Write while another task reads")
				n, err := b.Read(make([]byte, 8))
				require.NoError(t, err)
				require.Equal(t, 1, n)
				_, err = b.Write([]byte("y"))
				require.NoError(t, err)
				_, err = reader.wait(ctx)
				return err
			}))
		})
	})
}

func TestConnAddresses(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.IsType(t, &net.TCPAddr{}, a.LocalAddr())
			require.Equal(t, a.LocalAddr(), b.RemoteAddr())
			require.Equal(t, b.LocalAddr(), a.RemoteAddr())
			require.Equal(t, "tcp", a.LocalAddr().Network())
			peer := a.RemoteAddr()
			require.NoError(t, a.Close())
			require.Equal(t, peer, a.RemoteAddr(), "RemoteAddr after Close")
			require.Equal(t, &net.TCPAddr{}, a.LocalAddr(), "LocalAddr after Close")
		})
	})
	onUnix(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.IsType(t, &net.UnixAddr{}, a.RemoteAddr())
			require.Equal(t, b.LocalAddr(), a.RemoteAddr())
			require.Equal(t, "unix", a.LocalAddr().Network())
			require.NotEmpty(t, a.RemoteAddr().String())
			require.NoError(t, a.Close())
			require.Equal(t, &net.UnixAddr{Net: "unix"}, a.LocalAddr(), "LocalAddr after Close")
			require.Equal(t, &net.UnixAddr{Net: "unix"}, a.RemoteAddr(), "RemoteAddr after Close")
		})
	})
}

func TestConnErrorsNameTheConnection(t *testing.T) {
	onEverySystem(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, _ := e.pair(ctx)
			local, remote := a.LocalAddr(), a.RemoteAddr()
			require.NoError(t, a.SetDeadline(time.Unix(1, 0)))
			check := func(err error, op string, source, addr net.Addr) {
				t.Helper()
				var failed *net.OpError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, op, failed.Op)
				require.Equal(t, e.network, failed.Net)
				require.Equal(t, source, failed.Source)
				require.Equal(t, addr, failed.Addr)
			}
			err := second(a.Read(make([]byte, 1)))
			check(err, "read", local, remote)
			var netError net.Error
			require.ErrorAs(t, err, &netError)
			require.True(t, netError.Timeout(), "a passed deadline is a timeout")
			check(second(a.Write(make([]byte, 1))), "write", local, remote)
			require.NoError(t, a.Close())
			if e.network == "unix" {
				remote = &net.UnixAddr{Net: "unix"}
			}
			check(a.Close(), "close", nil, remote)
			check(a.CloseWrite(), "close", nil, remote)
			check(a.SetDeadline(time.Now()), "set", nil, remote)
			err = second(a.Read(make([]byte, 1)))
			check(err, "read", nil, remote)
			require.True(t, strings.HasPrefix(err.Error(), "read "+e.network), err.Error())
			require.Contains(t, err.Error(), "use of closed network connection")
		})
	})
}

func TestConnThatTheLoopCannotTakeIsClosed(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			before := openDescriptors()
			e.os.add = func() error { return errTest }
			_, err := Dial(ctx, e.network, ln.Addr().String())
			require.ErrorIs(t, err, errTest)
			require.Equal(t, before, openDescriptors(), "descriptors after a connection that could not be registered")
		})
	})
}
