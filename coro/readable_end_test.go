package coro

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/reactor"
)

// reset ends a connection the hard way.
func reset(t *testing.T, c *Conn) {
	t.Helper()
	fd, err := c.src.Deregister()
	require.NoError(t, err)
	require.NoError(t, c.loop.reactor.OS().Abort(fd))
}

func TestServeReadableTellsTheHandlerOfTheEnd(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		var ends []error
		handler := func(ctx context.Context, c net.Conn) error {
			err := answerOne(ctx, c)
			if err != nil {
				ends = append(ends, err)
			}
			return err
		}
		err := e.servingReadable(ServeConfig{}, handler, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			ask(t, c, "x")
			h.idle(t, ctx)
			require.NoError(t, c.Close())
			until(t, ctx, func() bool { return len(ends) == 1 })
			c = e.dial(ctx, ln)
			ask(t, c, "x")
			h.idle(t, ctx)
			reset(t, c)
			until(t, ctx, func() bool { return len(ends) == 2 })
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Equal(t, io.EOF, ends[0], "the end of the stream")
		if e.network == "tcp" {
			var network *net.OpError
			require.ErrorAs(t, ends[1], &network, "a reset")
		}
		require.Len(t, e.log.lines(), 2)
		for _, line := range e.log.lines() {
			require.Contains(t, line, "DEBUG coro: connection ended")
		}
	})
}

// A handler that has seen the end need not say so.
func TestServeReadableEndsWithTheStreamAlthoughTheHandlerReturnsNil(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		deaf := func(_ context.Context, c net.Conn) error {
			_, _ = c.Read(make([]byte, 1))
			return nil
		}
		err := e.servingReadable(ServeConfig{}, deaf, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			_, err := c.Write([]byte("xy"))
			require.NoError(t, err)
			require.NoError(t, c.CloseWrite())
			require.Empty(t, readAll(t, c))
			require.Equal(t, 3, h.calls, "calls: one for each byte, and for the end")
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Empty(t, e.log.lines())
	})
}

// The reset is found by the look at what is behind a full buffer.
func TestServeReadableLogsAResetThatTheHandlerHasNotSeen(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		var read, goOn Event
		handler := func(ctx context.Context, c net.Conn) error {
			if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
				return err
			}
			_ = read.Set(ctx)
			return goOn.Wait(ctx)
		}
		err := e.servingReadable(ServeConfig{}, handler, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			_, err := c.Write([]byte("abcd"))
			require.NoError(t, err)
			require.NoError(t, read.Wait(ctx))
			reset(t, c)
			require.NoError(t, goOn.Set(ctx))
			until(t, ctx, func() bool { return h.last.closed })
			require.Equal(t, 1, h.calls)
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Len(t, e.log.lines(), 1)
		require.Contains(t, e.log.find("DEBUG coro: connection ended"), "reset")
	})
}

func TestServeReadableClosesIdleConnectionsWhenItIsCancelled(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		err := e.servingReadable(ServeConfig{IdleTimeout: long}, answerOne, func(ctx context.Context, s *Scope, ln *Listener, h *handlers) {
			require.NoError(t, Shield(ctx, func(ctx context.Context) error {
				used, unused := e.dial(ctx, ln), e.dial(ctx, ln)
				ask(t, used, "x")
				h.idle(t, ctx)
				until(t, ctx, func() bool { return e.os.accepted == 2 })
				require.NoError(t, s.Cancel(errTest))
				requireEnd(t, used)
				requireEnd(t, unused)
				return nil
			}))
		})
		require.Equal(t, errTest, err, "ServeReadable, want the cause")
		require.Empty(t, e.log.lines())
	})
}

// Graceful: it serves those that are there until the last one has ended.
func TestServeReadableOutlivesItsListener(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		err := e.servingReadable(ServeConfig{}, answerOne, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			a, b := e.dial(ctx, ln), e.dial(ctx, ln)
			until(t, ctx, func() bool { return e.os.accepted == 2 })
			require.NoError(t, ln.Close())
			ask(t, a, "x")
			require.NoError(t, a.Close())
			ask(t, b, "y")
			require.NoError(t, b.Close())
		})
		require.NoError(t, err)
	})
}

func TestServeReadableEndsIdleConnectionsAfterTheirTimeout(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		slow := func(ctx context.Context, c net.Conn) error {
			if err := Sleep(ctx, 3*brief); err != nil {
				return err
			}
			return answerOne(ctx, c)
		}
		err := e.servingReadable(ServeConfig{IdleTimeout: brief}, slow, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			used, unused := e.dial(ctx, ln), e.dial(ctx, ln)
			ask(t, used, "x") // longer than it may be idle
			requireEnd(t, unused)
			requireEnd(t, used)
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Empty(t, e.log.lines())
	})
}

func TestServeReadableCancelsARequestAfterItsTimeout(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		var failed error
		handler := func(ctx context.Context, c net.Conn) error {
			buf := make([]byte, 1)
			if _, err := c.Read(buf); err != nil {
				return err
			}
			_, hasDeadline := ctx.Deadline()
			require.True(t, hasDeadline)
			if _, failed = c.Read(buf); buf[0] == 'f' {
				return failed
			}
			return nil // it may go on
		}
		err := e.servingReadable(ServeConfig{RequestTimeout: brief}, handler, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			for i, request := range []string{"g", "f"} {
				_, err := c.Write([]byte(request))
				require.NoError(t, err)
				until(t, ctx, func() bool { return h.calls == i+1 && h.running == 0 })
				requireTimeout(t, failed, brief)
			}
			requireEnd(t, c)
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Empty(t, e.log.lines())
	})
}

// Somebody else may have the connection, too: a task that tells clients the news.
func TestServeReadableConnectionMayBeUsedByOthers(t *testing.T) {
	one := func(ctx context.Context, c net.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	}
	run := func(t *testing.T, name, line string, others func(ctx context.Context, s *Scope, client, c *Conn)) {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				err := e.servingReadable(ServeConfig{MaxConns: 1}, one, func(ctx context.Context, s *Scope, ln *Listener, h *handlers) {
					client := e.dial(ctx, ln)
					_, err := client.Write([]byte("x"))
					require.NoError(t, err)
					until(t, ctx, func() bool { return h.calls == 1 })
					h.idle(t, ctx)
					others(ctx, s, client, h.last)
					requireEnd(t, client)
					until(t, ctx, func() bool { return h.last.extra.readable.more.phase == readableEnded })
					require.NoError(t, ln.Close())
				})
				require.NoError(t, err)
				require.Len(t, e.log.lines(), min(len(line), 1))
				require.Contains(t, append(e.log.lines(), "")[0], line)
			})
		})
	}
	run(t, "to close it while it is idle", "", func(ctx context.Context, _ *Scope, _, c *Conn) {
		require.NoError(t, c.Close())
		require.ErrorIs(t, c.Close(), net.ErrClosed)
	})
	run(t, "to close it from a goroutine", "", func(ctx context.Context, _ *Scope, _, c *Conn) {
		outside(t, ctx, func() { require.NoError(t, c.Close()) })
	})
	run(t, "to write while it is idle", "EOF", func(ctx context.Context, _ *Scope, client, c *Conn) {
		_, err := c.Write([]byte("news"))
		require.NoError(t, err)
		got := make([]byte, 4)
		_, err = io.ReadFull(client, got)
		require.NoError(t, err)
		require.Equal(t, "news", string(got))
		require.NoError(t, client.CloseWrite())
	})
	run(t, "but not to read while it is idle", "EOF", func(ctx context.Context, _ *Scope, client, c *Conn) {
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
		require.NoError(t, client.CloseWrite())
	})
	run(t, "but not to read when the handler returns", "WARN coro: handler failed", func(ctx context.Context, s *Scope, client, c *Conn) {
		// The reader is there first, while the handler is kept from it.
		r := c.extra.readable
		require.True(t, r.src.Cancel(reactor.In))
		reading := background(t, s, func(context.Context) (int, error) { return c.Read(make([]byte, 1)) })
		settle(t, ctx)
		r.more.server.idle.remove(r)
		r.rest()
		_, err := reading.wait(ctx)
		require.ErrorIs(t, err, net.ErrClosed)
	})
}
