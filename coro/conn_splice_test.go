//go:build linux

package coro

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/reactor"
)

// relay is a copy between two connections: from -> in, which a task copies to
// out -> to.
type relay struct {
	from, in, out, to *Conn
	copied            *promise[int64]
}

func (e *env) relay(ctx context.Context, s *Scope, copyAll func(out, in *Conn) (int64, error)) *relay {
	e.t.Helper()
	r := new(relay)
	r.from, r.in = e.pair(ctx)
	r.out, r.to = e.pair(ctx)
	r.copied = background(e.t, s, func(context.Context) (int64, error) { return copyAll(r.out, r.in) })
	return r
}

func ioCopy(out, in *Conn) (int64, error) { return io.Copy(out, in) }

func TestSpliceOfALargeStreamIsByteExact(t *testing.T) {
	const size = 3<<20 + 12345
	for name, test := range map[string]struct {
		copyAll func(out, in *Conn) (int64, error)
		prepare func(e *env, r *relay)
		want    int64
		spliced bool
	}{
		"by io.Copy":                    {ioCopy, nil, size, true},
		"by ReadFrom":                   {func(out, in *Conn) (int64, error) { return out.ReadFrom(in) }, nil, size, true},
		"by io.CopyN, up to there":      {func(out, in *Conn) (int64, error) { return io.CopyN(out, in, 2<<20+1) }, nil, 2<<20 + 1, true},
		"into a tiny buffer":            {ioCopy, func(e *env, r *relay) { require.NoError(e.t, r.out.SetWriteBuffer(16<<10)) }, size, true},
		"a little at a time":            {ioCopy, func(e *env, _ *relay) { e.os.writeMost = 10_001 }, size, true},
		"on a system that has none":     {ioCopy, func(e *env, _ *relay) { e.os.bare = true }, size, false},
		"without descriptors for pipes": {ioCopy, func(e *env, _ *relay) { e.os.pipe = func() error { return syscall.EMFILE } }, size, false},
		"in a sandbox that forbids it":  {ioCopy, func(e *env, _ *relay) { e.os.splice = func() error { return errBare } }, size, false},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					want := pattern(size)
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						r := e.relay(ctx, s, test.copyAll)
						if test.prepare != nil {
							test.prepare(e, r)
						}
						r.feed(t, s, size)
						require.NoError(t, s.Go(func(ctx context.Context) error {
							n, err := r.copied.wait(ctx)
							require.NoError(t, err)
							require.Equal(t, test.want, n, "bytes copied")
							return r.out.CloseWrite()
						}))
						got, err := io.ReadAll(r.to)
						require.NoError(t, err)
						require.True(t, bytes.Equal(want[:test.want], got), "got %d bytes, want %d, or others", len(got), test.want)
						return r.in.Close() // with what CopyN left
					}))
					if e.os.writeMost == 0 { // which makes the feeder write little too: enough at a time, or not
						require.Equal(t, test.spliced, e.os.splicedOut > 0, "bytes spliced: %d", e.os.splicedOut)
					}
					require.Equal(t, e.os.splicedIn, e.os.splicedOut, "bytes out of the pipe")
				})
				require.Zero(t, e.os.pipes, "pipes open when the loop has ended")
			})
		})
	}
}

// Small messages keep to reading and writing, and a stream that becomes small
// goes back to it.
func TestSpliceIsForLargeStreamsOnly(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				r := e.relay(ctx, s, ioCopy)
				transfer := func(size int) (spliced int) {
					before := e.os.splicedOut
					require.NoError(t, s.Go(func(context.Context) error { _, err := r.from.Write(pattern(size)); return err }))
					got := make([]byte, size)
					_, err := io.ReadFull(r.to, got)
					require.NoError(t, err)
					require.Equal(t, pattern(size), got)
					return e.os.splicedOut - before
				}
				for range 100 {
					require.Zero(t, transfer(1000), "bytes spliced of 1000")
				}
				require.Zero(t, e.os.mostPipes, "pipes made for small messages")
				require.Positive(t, transfer(8<<20), "bytes spliced of 8 MiB")
				settle(t, ctx)
				require.LessOrEqual(t, len(r.in.loop.pipes.free), maxFreePipes)
				require.Len(t, r.in.loop.pipes.free, e.os.pipes, "free pipes, with nothing under way, want all")
				_ = transfer(1000) // which may be what comes after a pause in the large one
				for range 100 {
					require.Zero(t, transfer(1000), "bytes spliced of 1000, after a large message")
				}
				require.NoError(t, r.from.Close())
				_, err := r.copied.wait(ctx)
				return err
			}))
		})
	})
}

// A copy that ends in the middle tells how much the receiver got, and no pipe is
// left with bytes in it for the next.
func TestSpliceThatFailsReportsWhatArrived(t *testing.T) {
	for name, test := range map[string]struct {
		end func(r *relay, s *Scope) error
		is  error
		op  string
	}{
		"the writing end is closed":    {func(r *relay, _ *Scope) error { return r.out.Close() }, net.ErrClosed, "write"},
		"the copy is cancelled":        {func(_ *relay, s *Scope) error { return s.Cancel(errTest) }, errTest, "write"},
		"the write deadline passes":    {func(r *relay, _ *Scope) error { return r.out.SetWriteDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded, "write"},
		"the reading end is closed":    {func(r *relay, _ *Scope) error { return r.in.Close() }, net.ErrClosed, "read"},
		"the read deadline passes":     {func(r *relay, _ *Scope) error { return r.in.SetReadDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded, "read"},
		"the reading end is taken off": {func(r *relay, _ *Scope) error { return discard(r.in.Detach()) }, net.ErrClosed, "read"},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						var inner *Scope
						r := e.relay(ctx, s, func(out, in *Conn) (n int64, err error) {
							err = WithScope(ctx, func(s *Scope) error {
								inner = s
								n, err = io.Copy(out, in)
								return err
							})
							return n, err
						})
						r.feed(t, s, 16<<20)
						r.fill(t, ctx)
						require.Positive(t, e.os.splicedIn)
						require.NoError(t, test.end(r, inner))
						received := background(t, s, func(context.Context) (int64, error) { return io.Copy(io.Discard, r.to) })
						n, err := r.copied.wait(ctx)
						require.ErrorIs(t, err, test.is)
						var failed *net.OpError
						require.ErrorAs(t, err, &failed)
						require.Equal(t, test.op, failed.Op)
						_ = r.out.Close()
						got, err := received.wait(ctx)
						require.NoError(t, err)
						require.Equal(t, n, got, "bytes that arrived, want the number that the copy returned")
						_ = r.in.Close()
						return nil
					}))
				})
				require.Zero(t, e.os.pipes, "pipes open when the loop has ended")
			})
		})
	}
}

func discard(c net.Conn, err error) error {
	if err != nil {
		return err
	}
	return c.Close()
}

// feed writes n bytes, and closes, or fails: the copy may end first.
func (r *relay) feed(t *testing.T, s *Scope, n int) {
	t.Helper()
	require.NoError(t, s.Go(func(context.Context) error {
		_, _ = r.from.Write(pattern(n))
		return r.from.Close()
	}))
}

// fill waits until the copy waits for a receiver that does not read.
func (r *relay) fill(t *testing.T, ctx context.Context) {
	t.Helper()
	for !r.out.src.Waiting(reactor.Out) {
		require.NoError(t, Sleep(ctx, 100*time.Microsecond))
	}
}

func TestSplicePipesAreBounded(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			const copies = maxPipes + 4
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				var relays []*relay
				for range copies { // of receivers that do not read
					r := e.relay(ctx, s, ioCopy)
					relays = append(relays, r)
					r.feed(t, s, 6<<20)
				}
				for _, r := range relays {
					r.fill(t, ctx)
				}
				require.LessOrEqual(t, e.os.mostPipes, maxPipes)
				for _, r := range relays {
					require.NoError(t, s.Go(func(ctx context.Context) error {
						_, err := r.copied.wait(ctx)
						require.NoError(t, err)
						return r.out.Close()
					}))
					require.NoError(t, s.Go(func(context.Context) error {
						n, err := io.Copy(io.Discard, r.to)
						require.EqualValues(t, 6<<20, n, "bytes of one of %d copies", copies)
						return err
					}))
				}
				return nil
			}))
			require.LessOrEqual(t, e.os.pipes, maxFreePipes, "pipes open when all is copied")
		})
	})
}

// The peers of a copy vanish: the error tells which.
func TestSpliceWhosePeerIsGone(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				r := e.relay(ctx, s, ioCopy)
				r.feed(t, s, 16<<20)
				r.fill(t, ctx)
				require.NoError(t, r.to.SetLinger(0))
				require.NoError(t, r.to.Close())
				_, err := r.copied.wait(ctx)
				require.ErrorIs(t, err, syscall.ECONNRESET, "the receiver was reset")
				var failed *net.OpError
				require.ErrorAs(t, err, &failed)
				require.Equal(t, "write", failed.Op)
				require.Equal(t, r.out.RemoteAddr(), failed.Addr)
				return r.in.Close()
			}))
		})
	})
}
