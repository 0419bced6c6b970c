package sim_test

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

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller/sim"
)

// The sync kit, Timeout and Blocking of tasks take virtual time on a simulated
// loop, and nothing else.
func TestTasksOfAProgramWaitForEachOther(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 3})
	var got []int
	var late error
	took := time.Duration(0)
	w.Host("host").Go("kit", tasks(func(ctx context.Context) error {
		values, inbox := coro.NewChan[int](2), coro.NewInbox[int](4)
		var m coro.Mutex
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			err := s.Go(func(ctx context.Context) error {
				for i := range 5 {
					if err := errors.Join(coro.Sleep(ctx, time.Second), values.Send(ctx, i)); err != nil {
						return err
					}
				}
				if _, err := coro.Blocking(ctx, func() (int, error) { return 0, inbox.TrySend(42) }); err != nil {
					return err
				}
				return values.Close(ctx)
			})
			if err != nil {
				return err
			}
			if err := m.Lock(ctx); err != nil {
				return err
			}
			if err := s.Go(func(ctx context.Context) error {
				late = coro.Timeout(ctx, time.Second, m.Lock)
				return nil
			}); err != nil {
				return err
			}
			for {
				var v int
				switch chosen, err := coro.Select(ctx, values.RecvCase(&v), inbox.RecvCase(&v), coro.After(time.Hour)); {
				case chosen == 0 && err == coro.ErrChanClosed:
					took = w.Elapsed()
					return m.Unlock()
				case err != nil:
					return err
				default:
					got = append(got, v)
				}
			}
		})
	}))
	require.NoError(t, w.Run())
	require.Equal(t, []int{0, 1, 2, 3, 4, 42}, got)
	require.ErrorIs(t, late, os.ErrDeadlineExceeded)
	require.Equal(t, 5*time.Second, took.Truncate(time.Second))
}

// Limits, drains and connections without a task work by the simulated clock, and
// what is seen of a loop is the same as elsewhere.
func TestServerOfAProgramKeepsItsLimits(t *testing.T) {
	for name, serve := range map[string]func(coro.ServeConfig, context.Context, net.Listener, func(context.Context, net.Conn) error) error{
		"Serve": coro.ServeConfig.Serve, "ServeReadable": coro.ServeConfig.ServeReadable,
	} {
		t.Run(name, func(t *testing.T) {
			sim.Test(t, func(t *testing.T, w *sim.World) {
				limits := coro.ServeConfig{MaxConns: 2, IdleTimeout: time.Minute, RequestTimeout: 10 * time.Second, DrainTimeout: time.Hour}
				var seen bytes.Buffer
				var ended time.Duration
				w.Host("server").Go("serve", tasks(func(ctx context.Context) error {
					ln, err := coro.Listen(ctx, "tcp", ":7")
					if err != nil {
						return err
					}
					err = coro.Timeout(ctx, 5*time.Minute, func(ctx context.Context) error {
						return serve(limits, ctx, ln, func(ctx context.Context, c net.Conn) error {
							p := make([]byte, 1)
							for {
								if _, err := io.ReadFull(c, p); err != nil {
									return err
								}
								if err := coro.Sleep(ctx, time.Duration(p[0])*time.Second); err != nil {
									return err
								}
								if _, err := c.Write(p); err != nil {
									return err
								}
								if name == "ServeReadable" {
									return nil
								}
							}
						})
					})
					ended = w.Elapsed()
					if !errors.As(err, new(*coro.TimeoutError)) {
						return err
					}
					return nil
				}))
				require.NoError(t, w.RunFor(time.Millisecond))
				w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
					answer := func(c net.Conn, seconds byte) (time.Duration, error) {
						begin := w.Elapsed()
						if _, err := c.Write([]byte{seconds}); err != nil {
							return 0, err
						}
						_, err := io.ReadFull(c, make([]byte, 1))
						return (w.Elapsed() - begin).Truncate(time.Second), err
					}
					idle, err := coro.Dial(ctx, "tcp", "server:7")
					if err != nil {
						return err
					}
					busy, err := coro.Dial(ctx, "tcp", "server:7")
					if err != nil {
						return err
					}
					took, err := answer(busy, 3)
					require.NoError(t, err)
					require.Equal(t, 3*time.Second, took)
					require.NoError(t, coro.Dump(&seen))
					took, err = answer(busy, 100)
					require.Error(t, err, "a request that takes too long")
					require.Equal(t, 10*time.Second, took)
					_, err = idle.Read(make([]byte, 1))
					require.Error(t, err, "an idle connection")
					require.Equal(t, time.Minute, w.Elapsed().Truncate(time.Second))

					if err := coro.Sleep(ctx, 5*time.Minute-w.Elapsed()-2*time.Second); err != nil {
						return err
					}
					busy, err = coro.Dial(ctx, "tcp", "server:7")
					if err != nil {
						return err
					}
					took, err = answer(busy, 8)
					require.NoError(t, err, "a request that the drain waits for")
					require.Equal(t, 8*time.Second, took)
					return nil
				}))
				require.NoError(t, w.Run())
				require.Contains(t, seen.String(), "loop ")
				require.Equal(t, 306*time.Second, ended.Truncate(time.Second))
			})
		})
	}
}

// Who looks at the loops from a simulated one, gets an answer at once.
func TestLooksAtTheLoopsFromAProgram(t *testing.T) {
	w := newWorld(t, sim.Config{})
	for _, name := range []string{"a", "b"} {
		w.Host(name).Go("look", tasks(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			for range 10 {
				own, err := coro.Stats(ctx)
				require.NoError(t, err)
				found := false
				for _, l := range coro.Loops() {
					found = found || l.Loop == own.Loop && !l.Silent
				}
				require.True(t, found, "the own loop among the answers")
				require.NotEmpty(t, coro.Tasks())
				require.NoError(t, coro.Dump(io.Discard))
			}
			return nil
		}))
	}
	require.NoError(t, w.Run())
	require.Less(t, w.Elapsed(), 2*time.Second)
}
