package coro

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var _ io.WriterTo = (*Conn)(nil)

func TestCopyOfAnIdleConnectionHoldsNoBuffer(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			task, _ := currentTaskOf(ctx)
			l := task.loop()
			const conns = 50
			var clients []*Conn
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for range conns {
					a, b := e.pair(ctx)
					clients = append(clients, a)
					require.NoError(t, s.Go(func(context.Context) error { _, err := io.Copy(b, b); return err }))
				}
				settle(t, ctx)
				require.Empty(t, l.buffers, "buffers made for %d connections that have received nothing", conns)
				for _, c := range clients {
					_, err := c.Write([]byte("ping"))
					require.NoError(t, err)
				}
				for _, c := range clients {
					_, err := io.ReadFull(c, make([]byte, 4))
					require.NoError(t, err)
				}
				settle(t, ctx)
				require.Len(t, l.buffers, 1, "buffers made for %d echoes of idle connections, want one, and that one free", conns)
				for _, c := range clients {
					require.NoError(t, c.Close())
				}
				return nil
			}))
		})
	})
	t.Run("and the loop keeps no more than its bound", func(t *testing.T) {
		l := new(loop)
		for range maxFreeBuffers + 10 {
			l.giveBuffer(make([]byte, copyBuffer))
		}
		require.Len(t, l.buffers, maxFreeBuffers)
	})
}

func TestCopyGoesUpToTheEnd(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			want := pattern(1 << 20)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				require.NoError(t, s.Go(func(context.Context) error {
					_, err := a.Write(want)
					require.NoError(t, err)
					return a.CloseWrite()
				}))
				var got bytes.Buffer
				n, err := b.WriteTo(&got)
				require.NoError(t, err, "WriteTo of a stream that ends")
				require.EqualValues(t, len(want), n)
				require.True(t, bytes.Equal(want, got.Bytes()))
				return nil
			}))
		})
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestCopyReportsItsWritersFailure(t *testing.T) {
	for name, test := range map[string]struct {
		write func([]byte) (int, error)
		total int64
		want  error
	}{
		"a writer that takes a part":               {func([]byte) (int, error) { return 2, nil }, 2, io.ErrShortWrite},
		"a writer that fails":                      {func([]byte) (int, error) { return 3, errTest }, 3, errTest},
		"a writer whose error is io.EOF, as it is": {func([]byte) (int, error) { return 0, io.EOF }, 0, io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				e.try(func(ctx context.Context) {
					a, b := e.pair(ctx)
					_, err := a.Write([]byte("hello"))
					require.NoError(t, err)
					n, err := b.WriteTo(writerFunc(test.write))
					require.True(t, err == test.want, "WriteTo: got %v, want %v", err, test.want)
					require.Equal(t, test.total, n)
				})
			})
		})
	}
}

func TestCopyReportsItsReadersFailure(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			_, err := a.Write([]byte("hello"))
			require.NoError(t, err)
			require.NoError(t, b.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
			n, err := b.WriteTo(io.Discard)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.EqualValues(t, 5, n, "bytes copied before the deadline")
			var failed *net.OpError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "read", failed.Op)
			require.NoError(t, b.SetReadDeadline(time.Time{}))

			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				p := background(t, s, func(context.Context) (int64, error) { return b.WriteTo(io.Discard) })
				settle(t, ctx)
				require.NoError(t, b.Close())
				_, err := p.wait(ctx)
				require.ErrorIs(t, err, net.ErrClosed)
				return nil
			}))
		})
	})
}

// Two tasks copy from one connection: a chunk goes to the one or to the other.
func TestCopyByTwoTasksLosesNoByte(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			a, b := e.pair(ctx)
			const size = 1 << 20
			var got [2]int64
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				for i := range got {
					require.NoError(t, s.Go(func(context.Context) (err error) { got[i], err = io.Copy(io.Discard, b); return err }))
				}
				_, err := a.Write(make([]byte, size))
				return errors.Join(err, a.Close())
			}))
			require.EqualValues(t, size, got[0]+got[1], "bytes copied by two tasks")
		})
	})
}
