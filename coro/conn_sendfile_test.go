package coro

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var _ io.ReaderFrom = (*Conn)(nil)

// hasSendfile is true where poller knows a call for it.
var hasSendfile = runtime.GOOS != "netbsd" && runtime.GOOS != "openbsd"

func tempFile(t *testing.T, content []byte) *os.File {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	_, err = f.WriteAt(content, 0)
	require.NoError(t, err)
	return f
}

func position(t *testing.T, f *os.File) int64 {
	t.Helper()
	at, err := f.Seek(0, io.SeekCurrent)
	require.NoError(t, err)
	return at
}

func TestReadFromOfAFileIsByteExact(t *testing.T) {
	const size = 3<<20 + 17
	want := pattern(size)
	for name, test := range map[string]struct {
		send     func(c *Conn, f *os.File) (int64, error)
		prepare  func(e *env, c *Conn)
		from, to int
		inKernel bool
	}{
		"by ReadFrom": {func(c *Conn, f *os.File) (int64, error) { return c.ReadFrom(f) }, nil, 0, size, true},
		"by io.Copy":  {func(c *Conn, f *os.File) (int64, error) { return io.Copy(c, f) }, nil, 0, size, true},
		"by io.CopyN": {func(c *Conn, f *os.File) (int64, error) { return io.CopyN(c, f, 1<<20+1) }, nil, 0, 1<<20 + 1, true},
		"from the file's position on": {func(c *Conn, f *os.File) (int64, error) {
			_, _ = f.Seek(12_345, io.SeekStart)
			return c.ReadFrom(f)
		}, nil, 12_345, size, true},
		"into a tiny buffer": {func(c *Conn, f *os.File) (int64, error) { return io.CopyN(c, f, 300<<10) },
			func(e *env, c *Conn) { require.NoError(e.t, c.SetWriteBuffer(16<<10)) }, 0, 300 << 10, true},
		"on a system that cannot": {func(c *Conn, f *os.File) (int64, error) { return c.ReadFrom(f) },
			func(e *env, _ *Conn) { e.os.bare = true }, 0, size, false},
		"a reader that is no file": {func(c *Conn, f *os.File) (int64, error) { return c.ReadFrom(struct{ io.Reader }{f}) }, nil, 0, size, false},
		"of nothing":               {func(c *Conn, f *os.File) (int64, error) { return c.ReadFrom(io.LimitReader(f, 0)) }, nil, 0, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				f := tempFile(t, want)
				e.try(func(ctx context.Context) {
					a, b := e.pair(ctx)
					if test.prepare != nil {
						test.prepare(e, a)
					}
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						require.NoError(t, s.Go(func(context.Context) error {
							n, err := test.send(a, f)
							require.NoError(t, err)
							require.EqualValues(t, test.to-test.from, n, "bytes sent")
							return a.CloseWrite()
						}))
						got := readAll(t, b)
						require.True(t, bytes.Equal(want[test.from:test.to], got), "got %d bytes, want %d, or others", len(got), test.to-test.from)
						return nil
					}))
					require.EqualValues(t, test.to, position(t, f), "the file's position")
					if hasSendfile {
						require.Equal(t, test.inKernel, e.os.sent > 0, "bytes sent inside the kernel: %d", e.os.sent)
					}
				})
			})
		})
	}
}

// A file that is not sent to the end leaves its position behind what was sent, so
// that the rest can be.
func TestReadFromOfAFileThatFailsReportsWhatWasSent(t *testing.T) {
	want := pattern(32 << 20)
	for name, test := range map[string]struct {
		end func(c *Conn, s *Scope) error
		is  error
	}{
		"the write deadline passes": {func(c *Conn, _ *Scope) error { return c.SetWriteDeadline(time.Unix(1, 0)) }, os.ErrDeadlineExceeded},
		"it is cancelled":           {func(_ *Conn, s *Scope) error { return s.Cancel(errTest) }, errTest},
		"the connection is closed":  {func(c *Conn, _ *Scope) error { return c.Close() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				f := tempFile(t, want)
				e.try(func(ctx context.Context) {
					a, b := e.pair(ctx)
					require.NoError(t, WithScope(ctx, func(s *Scope) error {
						var inner *Scope
						sending := background(t, s, func(ctx context.Context) (n int64, err error) {
							err = WithScope(ctx, func(s *Scope) error {
								inner = s
								n, err = a.ReadFrom(f)
								return err
							})
							return n, err
						})
						for !a.src.Waiting(1) {
							require.NoError(t, Sleep(ctx, 100*time.Microsecond))
						}
						require.NoError(t, test.end(a, inner))
						n, err := sending.wait(ctx)
						require.ErrorIs(t, err, test.is)
						var failed *net.OpError
						require.ErrorAs(t, err, &failed)
						require.Equal(t, "write", failed.Op)
						require.Equal(t, n, position(t, f), "the file's position, want behind what was sent")
						_ = a.Close()
						got := readAll(t, b)
						require.True(t, bytes.Equal(want[:n], got), "got %d bytes, want the %d that were sent, or others", len(got), n)
						return nil
					}))
				})
			})
		})
	}
}

func TestReadFromOfAFileWhosePeerIsGone(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		f := tempFile(t, pattern(32<<20))
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				sending := background(t, s, func(context.Context) (int64, error) { return a.ReadFrom(f) })
				for !a.src.Waiting(1) {
					require.NoError(t, Sleep(ctx, 100*time.Microsecond))
				}
				require.NoError(t, b.SetLinger(0))
				require.NoError(t, b.Close())
				_, err := sending.wait(ctx)
				require.ErrorIs(t, err, syscall.ECONNRESET)
				return nil
			}))
		})
	})
}

func TestReadFromServesPlainGoroutines(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		want := pattern(1 << 20)
		f := tempFile(t, want)
		e.try(func(ctx context.Context) {
			for name, send := range map[string]func(c *Conn) (int64, error){
				"a file":   func(c *Conn) (int64, error) { _, _ = f.Seek(0, io.SeekStart); return io.Copy(c, f) },
				"a reader": func(c *Conn) (int64, error) { return io.Copy(c, io.MultiReader(bytes.NewReader(want))) },
			} {
				a, b := e.pair(ctx)
				require.NoError(t, WithScope(ctx, func(s *Scope) error {
					got := background(t, s, func(context.Context) ([]byte, error) { return io.ReadAll(b) })
					outside(t, ctx, func() {
						n, err := send(a)
						require.NoError(t, err, name)
						require.EqualValues(t, len(want), n, name)
						require.NoError(t, a.CloseWrite())
					})
					all, err := got.wait(ctx)
					require.NoError(t, err)
					require.True(t, bytes.Equal(want, all), name)
					return nil
				}))
			}
		})
	})
}

func TestReadFromReportsItsReadersFailure(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			n, err := a.ReadFrom(io.MultiReader(strings.NewReader("hello"), failingReader{}))
			require.Equal(t, errTest, err, "as it is")
			require.EqualValues(t, 5, n)
			require.NoError(t, a.Close())
			require.Equal(t, "hello", string(readAll(t, b)))
			_, err = a.ReadFrom(strings.NewReader("x"))
			require.ErrorIs(t, err, net.ErrClosed)
			task, _ := currentTaskOf(ctx)
			require.Len(t, task.loop().buffers, 1, "buffers, all of them free")
		})
	})
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errTest }

// A part of an idle connection's stream is waited for without a buffer.
func TestReadFromOfAnIdleConnectionHoldsNoBuffer(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			from, in := e.pair(ctx)
			out, to := e.pair(ctx)
			task, _ := currentTaskOf(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				copied := background(t, s, func(context.Context) (int64, error) { return io.CopyN(out, in, 5) })
				settle(t, ctx)
				require.Empty(t, task.loop().buffers, "buffers made before there was anything to read")
				_, err := from.Write([]byte("hello, world"))
				require.NoError(t, err)
				_, err = copied.wait(ctx)
				require.NoError(t, err)
				got := make([]byte, 8)
				n, err := to.Read(got)
				require.NoError(t, err)
				require.Equal(t, "hello", string(got[:n]))
				n, err = in.Read(got)
				require.NoError(t, err)
				require.Equal(t, ", world", string(got[:n]), "what CopyN left")
				return nil
			}))
		})
	})
}
