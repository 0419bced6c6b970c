package coro

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// handlers counts the calls of a handler, and those under way.
type handlers struct {
	calls, running int
	last           *Conn // the connection of the latest call
}

func (h *handlers) count(handler func(context.Context, net.Conn) error) func(context.Context, net.Conn) error {
	return func(ctx context.Context, c net.Conn) error {
		h.last = c.(*Conn)
		h.calls++
		h.running++
		defer func() { h.running-- }()
		return handler(ctx, c)
	}
}

// idle lets the others run until no handler does, and the last connection waits
// for its peer.
func (h *handlers) idle(t *testing.T, ctx context.Context) {
	t.Helper()
	until(t, ctx, func() bool {
		return h.running == 0 && h.last != nil && h.last.extra.readable.more.phase == readableIdle
	})
}

// servingReadable is servingBy with ServeReadable and a handler that is counted.
func (e *env) servingReadable(c ServeConfig, handler func(context.Context, net.Conn) error, peers func(ctx context.Context, s *Scope, ln *Listener, h *handlers)) error {
	e.t.Helper()
	h := new(handlers)
	err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
		return c.ServeReadable(ctx, ln, h.count(handler))
	}, func(ctx context.Context, s *Scope, ln *Listener) { peers(ctx, s, ln, h) })
	require.Zero(e.t, h.running, "handlers that run when ServeReadable has returned")
	if h.last != nil {
		s := h.last.extra.server
		require.Zero(e.t, s.open, "open connections when ServeReadable has returned")
		require.Nil(e.t, s.idle.first)
		require.Nil(e.t, s.idle.last)
		require.False(e.t, s.idleTimer.IsSet(), "a timer is left")
	}
	return err
}

func TestServeReadableHasNoTaskForAnIdleConnection(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		err := e.servingReadable(ServeConfig{}, answerOne, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			live := ln.loop.live
			var clients []*Conn
			for range 50 {
				clients = append(clients, e.dial(ctx, ln))
			}
			for range 3 {
				for _, c := range clients {
					ask(t, c, "hello")
				}
				h.idle(t, ctx)
				require.Equal(t, live, ln.loop.live, "tasks, ServeReadable's included, with 50 idle connections")
			}
			require.Equal(t, 150, h.calls)
			for _, c := range clients {
				require.NoError(t, c.Close())
			}
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err, "ServeReadable whose listener was closed")
		require.Len(t, e.log.lines(), 50, "a line at level Debug for each io.EOF")
	})
}

// A read that fills its buffer does not tell what is behind it. The handler is
// not called to find out.
func TestServeReadableCallsTheHandlerForBytesOnly(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		frame := func(_ context.Context, c net.Conn) error {
			buf := make([]byte, 4)
			if _, err := io.ReadFull(c, buf); err != nil {
				return err
			}
			_, err := c.Write(buf)
			return err
		}
		err := e.servingReadable(ServeConfig{}, frame, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			for i := range 3 {
				ask(t, c, "abcd")
				h.idle(t, ctx)
				settle(t, ctx)
				require.Equal(t, i+1, h.calls, "calls of the handler after %d frames", i+1)
			}
			ask(t, c, "abcdefghijkl") // three at a time
			require.Equal(t, 6, h.calls)
			_, err := c.Write([]byte("ab"))
			require.NoError(t, err)
			until(t, ctx, func() bool { return h.running == 1 }) // waits for the rest
			_, err = c.Write([]byte("cd"))
			require.NoError(t, err)
			require.NoError(t, c.CloseWrite())
			require.Equal(t, "abcd", string(readAll(t, c)), "the answer to a client that has shut its side")
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Equal(t, 1, len(e.log.lines()))
		require.Contains(t, e.log.find("DEBUG coro: connection ended"), "EOF")
	})
}

func TestServeReadableLetsOthersHaveATurnBetweenRequests(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		var order []byte
		one := func(_ context.Context, c net.Conn) error {
			buf := make([]byte, 1)
			_, err := c.Read(buf)
			order = append(order, buf[0])
			return err
		}
		err := e.servingReadable(ServeConfig{}, one, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			first, second := e.dial(ctx, ln), e.dial(ctx, ln)
			until(t, ctx, func() bool { return e.os.accepted == 2 })
			_, err := first.Write([]byte("aaaaaaaa"))
			require.NoError(t, err)
			_, err = second.Write([]byte("bbbbbbbb"))
			require.NoError(t, err)
			until(t, ctx, func() bool { return len(order) == 16 })
			require.NotContains(t, string(order), "aa", "requests of two clients, as they were served")
			require.NotContains(t, string(order), "bb")
			require.NoError(t, first.Close())
			require.NoError(t, second.Close())
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
	})
}

// What belongs to the connection is kept from call to call: here half a line.
func TestServeReadableKeepsTheState(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		lines := func(_ context.Context, c net.Conn) error {
			conn := c.(*Conn)
			line, _ := conn.State().([]byte)
			buf := make([]byte, 16)
			n, err := c.Read(buf)
			if err != nil {
				return err
			}
			line = append(line, buf[:n]...)
			if line[len(line)-1] == '\n' {
				_, err = c.Write(line)
				line = nil
			}
			conn.SetState(line)
			return err
		}
		err := e.servingReadable(ServeConfig{}, lines, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			a, b := e.dial(ctx, ln), e.dial(ctx, ln)
			for _, part := range []string{"he", "ll"} {
				for _, c := range []*Conn{a, b} {
					calls := h.calls
					_, err := c.Write([]byte(part))
					require.NoError(t, err)
					until(t, ctx, func() bool { return h.calls > calls })
					h.idle(t, ctx)
				}
			}
			for _, c := range []*Conn{a, b} {
				_, err := c.Write([]byte("o\n"))
				require.NoError(t, err)
				require.NoError(t, c.CloseWrite())
				require.Equal(t, "hello\n", string(readAll(t, c)))
			}
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
	})
	require.Nil(t, new(Conn).State(), "State of a connection that has none")
}

// A deadline is the request's, and goes with it.
func TestServeReadableForgetsDeadlines(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		hasty := func(ctx context.Context, c net.Conn) error {
			if err := c.SetDeadline(time.Now().Add(brief)); err != nil {
				return err
			}
			return answerOne(ctx, c)
		}
		err := e.servingReadable(ServeConfig{}, hasty, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
			c := e.dial(ctx, ln)
			for range 3 {
				ask(t, c, "x")
				h.idle(t, ctx)
				require.NoError(t, Sleep(ctx, 2*brief))
			}
			require.NoError(t, c.Close())
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
	})
}

func TestServeReadableClosesTheConnectionWhenItsHandlerFails(t *testing.T) {
	for name, test := range map[string]struct {
		handler func(context.Context, net.Conn) error
		line    string
	}{
		"with io.EOF":       {func(context.Context, net.Conn) error { return io.EOF }, "DEBUG"},
		"with an error":     {func(context.Context, net.Conn) error { return errTest }, "WARN coro: handler failed"},
		"with a panic":      {func(context.Context, net.Conn) error { panics("oh"); return nil }, "ERROR coro: panic"},
		"with a Goexit":     {func(context.Context, net.Conn) error { runtime.Goexit(); return nil }, "ERROR coro: handler called runtime.Goexit"},
		"having closed it":  {func(_ context.Context, c net.Conn) error { return c.Close() }, ""},
		"having read none":  {func(context.Context, net.Conn) error { return nil }, "WARN coro: handler failed"},
		"and has closed it": {func(_ context.Context, c net.Conn) error { return errors.Join(c.Close(), errTest) }, "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				err := e.servingReadable(ServeConfig{MaxConns: 1}, test.handler, func(ctx context.Context, _ *Scope, ln *Listener, h *handlers) {
					for i := range 2 { // the first one's failure is its own
						c := e.dial(ctx, ln)
						_, err := c.Write([]byte("x"))
						require.NoError(t, err)
						requireEnd(t, c)
						require.Equal(t, i+1, h.calls)
					}
					require.NoError(t, ln.Close())
				})
				require.NoError(t, err)
				if test.line == "" {
					require.Empty(t, e.log.lines())
					return
				}
				require.Len(t, e.log.lines(), 2)
				require.NotEmpty(t, e.log.find(test.line), "%q", e.log.lines())
				if name == "having read none" {
					require.Contains(t, e.log.lines()[0], ErrNothingRead.Error())
				}
			})
		})
	}
}
