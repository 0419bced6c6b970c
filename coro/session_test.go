package coro

import (
	"context"
	"errors"
	"io"
	"math"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// brief is a limit that a test waits for, and long one that it does not reach.
const (
	brief = 60 * time.Millisecond
	long  = time.Hour
)

// withLimits runs Serve with limits, where handlers tell what they failed with.
func (e *env) withLimits(c ServeConfig, handler func(context.Context, net.Conn) error, peers func(ctx context.Context, s *Scope, ln *Listener)) (failed []error, err error) {
	e.t.Helper()
	var sessions []*session
	err = e.servingBy(func(ctx context.Context, ln net.Listener) error {
		return c.Serve(ctx, ln, func(ctx context.Context, c net.Conn) error {
			sessions = append(sessions, c.(*Conn).extra.session)
			err := handler(ctx, c)
			failed = append(failed, err)
			return err
		})
	}, peers)
	for _, n := range sessions {
		require.False(e.t, n.timer.IsSet(), "a timer is left of a session that has ended")
		require.True(e.t, n.scope.ended)
		require.Zero(e.t, n.server.open, "open connections at the end")
	}
	return failed, err
}

func TestIdleTimeoutEndsAConnectionWithoutARequest(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		failed, err := e.withLimits(ServeConfig{IdleTimeout: brief, RequestTimeout: long}, answering,
			func(ctx context.Context, _ *Scope, ln *Listener) {
				requireEnd(t, e.dial(ctx, ln))
				c := e.dial(ctx, ln)
				ask(t, c, "one")
				ask(t, c, "two")
				requireEnd(t, c)
				require.NoError(t, ln.Close())
			})
		require.NoError(t, err)
		require.Len(t, failed, 2)
		for _, err := range failed {
			requireTimeout(t, err, brief)
		}
		require.Empty(t, e.log.lines(), "a limit that has passed is not worth a line")
	})
}

func TestIdleTimeoutDoesNotCountRequests(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		slow := func(ctx context.Context, c net.Conn) error {
			buf := make([]byte, 8)
			n, err := c.Read(buf)
			if err := errors.Join(err, Sleep(ctx, 3*brief)); err != nil {
				return err
			}
			_, err = c.Write(buf[:n])
			return err
		}
		failed, err := e.withLimits(ServeConfig{IdleTimeout: brief}, slow, func(ctx context.Context, _ *Scope, ln *Listener) {
			ask(t, e.dial(ctx, ln), "slow")
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Equal(t, []error{nil}, failed)
	})
}

// The time of an idle connection is counted from what was last written to it. Where
// the machine stands still for longer than the limit, a longer one is tried.
func TestIdleTimeoutStartsAgainWithEveryWrite(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		const writes, longest = 8, time.Second
		for every := brief; ; every *= 4 {
			feed := func(ctx context.Context, c net.Conn) error {
				for range writes {
					if err := Sleep(ctx, every); err != nil {
						return err
					}
					if _, err := c.Write([]byte("x")); err != nil {
						return err
					}
				}
				return nil
			}
			var got []byte
			failed, err := e.withLimits(ServeConfig{IdleTimeout: 4 * every}, feed, func(ctx context.Context, _ *Scope, ln *Listener) {
				got = readAll(t, e.dial(ctx, ln))
				require.NoError(t, ln.Close())
			})
			require.NoError(t, err)
			if len(got) < writes && every < longest {
				continue
			}
			require.Len(t, got, writes)
			require.Equal(t, []error{nil}, failed)
			return
		}
	})
}

// A client that sends byte by byte gains no time.
func TestRequestTimeoutCountsFromTheFirstByte(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		all := func(_ context.Context, c net.Conn) error {
			_, err := io.ReadFull(c, make([]byte, 1<<20))
			return err
		}
		failed, err := e.withLimits(ServeConfig{IdleTimeout: long, RequestTimeout: brief}, all, func(ctx context.Context, _ *Scope, ln *Listener) {
			c := e.dial(ctx, ln)
			require.NoError(t, Sleep(ctx, 2*brief))
			var err error
			for err == nil { // until the server has gone
				_, err = c.Write([]byte("x"))
				require.NoError(t, Sleep(ctx, brief/10))
			}
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Len(t, failed, 1)
		requireTimeout(t, failed[0], brief)
	})
}

func TestRequestTimeoutEndsWithTheAnswer(t *testing.T) {
	for name, handler := range map[string]func(context.Context, net.Conn) error{
		"and the next read": answering,
		"that is written while another task reads": func(ctx context.Context, c net.Conn) error {
			return WithScope(ctx, func(s *Scope) error {
				var requests Event
				if err := s.Go(func(ctx context.Context) error {
					for {
						if err := requests.Wait(ctx); err != nil {
							return err
						}
						_ = requests.Clear(ctx)
						settle(t, ctx) // the reader reads again
						if _, err := c.Write([]byte("x")); err != nil {
							return err
						}
					}
				}); err != nil {
					return err
				}
				for {
					if _, err := c.Read(make([]byte, 1)); err != nil {
						return err
					}
					if err := requests.Set(ctx); err != nil {
						return err
					}
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				failed, err := e.withLimits(ServeConfig{RequestTimeout: 2 * brief}, handler, func(ctx context.Context, _ *Scope, ln *Listener) {
					c := e.dial(ctx, ln)
					for range 3 {
						ask(t, c, "x")
						require.NoError(t, Sleep(ctx, 3*brief))
					}
					require.NoError(t, c.CloseWrite())
					require.Empty(t, readAll(t, c))
					require.NoError(t, ln.Close())
				})
				require.NoError(t, err)
				require.Equal(t, []error{io.EOF}, failed)
			})
		})
	}
}

// The limits cancel what the handler does, and not what it shields.
func TestRequestTimeoutLeavesAShieldAlone(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		handler := func(ctx context.Context, c net.Conn) error {
			if _, err := c.Read(make([]byte, 1)); err != nil {
				return err
			}
			_, err := c.Read(make([]byte, 1))
			requireTimeout(t, err, brief)
			return Shield(ctx, func(context.Context) error {
				if _, err := c.Write([]byte("?")); err != nil {
					return err
				}
				_, err := c.Read(make([]byte, 1))
				return err
			})
		}
		failed, err := e.withLimits(ServeConfig{RequestTimeout: brief}, handler, func(ctx context.Context, _ *Scope, ln *Listener) {
			c := e.dial(ctx, ln)
			_, err := c.Write([]byte("1"))
			require.NoError(t, err)
			_, err = c.Read(make([]byte, 1))
			require.NoError(t, err)
			_, err = c.Write([]byte("2"))
			require.NoError(t, err)
			require.Empty(t, readAll(t, c))
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Equal(t, []error{nil}, failed)
	})
}

func TestServeLimitsBeyondTheClockAreNone(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		config := ServeConfig{IdleTimeout: math.MaxInt64, RequestTimeout: math.MaxInt64, DrainTimeout: math.MaxInt64}
		err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
			return serve(config, ctx, ln, answering)
		}, func(ctx context.Context, s *Scope, ln *Listener) {
			c := e.dial(ctx, ln)
			ask(t, c, "x")
			require.NoError(t, Sleep(ctx, 3*time.Millisecond))
			ask(t, c, "y")
			require.NoError(t, s.Cancel(errTest))
		})
		require.Equal(t, errTest, err)
	})
}
