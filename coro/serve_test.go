package coro

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// serving runs Serve as a task, and peers against it. What Serve returns is
// returned; peers close the listener, or cancel.
func (e *env) serving(handler func(context.Context, net.Conn) error, peers func(ctx context.Context, s *Scope, ln *Listener)) error {
	e.t.Helper()
	var result error
	_ = e.run(func(ctx context.Context) error {
		ln := e.listen(ctx)
		return WithScope(ctx, func(s *Scope) error {
			require.NoError(e.t, s.Go(func(ctx context.Context) error {
				return WithScope(ctx, func(s *Scope) error { // its failure is not the peers'
					result = Serve(s.Context(), ln, handler)
					return nil
				})
			}))
			peers(ctx, s, ln)
			return nil
		})
	})
	return result
}

func echo(_ context.Context, c net.Conn) error {
	_, err := io.Copy(c, c)
	return err
}

func TestServeRunsATaskForEachConnection(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		err := e.serving(echo, func(ctx context.Context, _ *Scope, ln *Listener) {
			var clients []*Conn
			for range 50 {
				clients = append(clients, e.dial(ctx, ln))
			}
			for round := range 3 {
				for i, c := range clients {
					_, err := fmt.Fprintf(c, "%4d%4d", round, i)
					require.NoError(t, err)
				}
				for i, c := range clients {
					got := make([]byte, 8)
					_, err := io.ReadFull(c, got)
					require.NoError(t, err)
					require.Equal(t, fmt.Sprintf("%4d%4d", round, i), string(got))
				}
			}
			for _, c := range clients {
				require.NoError(t, c.Close())
			}
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err, "Serve whose listener was closed")
		require.Empty(t, e.log.lines())
	})
}

func TestServeClosesTheConnectionWhenItsHandlerReturns(t *testing.T) {
	for name, handler := range map[string]func(context.Context, net.Conn) error{
		"with nil":          func(context.Context, net.Conn) error { return nil },
		"with an error":     func(context.Context, net.Conn) error { return errTest },
		"with a panic":      func(context.Context, net.Conn) error { panics("oh"); return nil },
		"with a Goexit":     func(context.Context, net.Conn) error { runtime.Goexit(); return nil },
		"and has closed it": func(_ context.Context, c net.Conn) error { return c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) {
				err := e.serving(handler, func(ctx context.Context, _ *Scope, ln *Listener) {
					for range 2 { // the first one's failure is its own
						c := e.dial(ctx, ln)
						_, err := c.Read(make([]byte, 1))
						require.Equal(t, io.EOF, err, "the peer's read when the handler has returned")
					}
					require.NoError(t, ln.Close())
				})
				require.NoError(t, err)
			})
		})
	}
}

func TestServeLogsWhatAHandlerFailsWith(t *testing.T) {
	for name, test := range map[string]struct {
		handler func(context.Context, net.Conn) error
		want    []string // the beginning of the one line, and what else is in it; nil is no line
	}{
		"nil":                     {func(context.Context, net.Conn) error { return nil }, nil},
		"io.EOF":                  {func(context.Context, net.Conn) error { return io.EOF }, []string{"DEBUG coro: connection ended", "EOF"}},
		"an error of the network": {func(_ context.Context, c net.Conn) error { _ = c.Close(); return second(c.Read(nil)) }, []string{"DEBUG coro: connection ended", "use of closed"}},
		"a wrapped one": {func(context.Context, net.Conn) error {
			return fmt.Errorf("x: %w", &net.OpError{Op: "read", Err: errTest})
		}, []string{"DEBUG coro: connection ended"}},
		"another error":     {func(context.Context, net.Conn) error { return errTest }, []string{"WARN coro: handler failed, its connection is closed", errTest.Error()}},
		"an unexpected end": {func(context.Context, net.Conn) error { return io.ErrUnexpectedEOF }, []string{"WARN coro: handler failed"}},
		"a panic": {
			func(context.Context, net.Conn) error { panics("oh"); return nil },
			[]string{"ERROR coro: panic in a handler, its connection is closed", "panic=oh", "handler=github.com/weft-go/weft/coro.TestServeLogsWhatAHandlerFailsWith.func", "coro.panics("},
		},
		"a panic with an error of the network": {
			func(context.Context, net.Conn) error { panic(&net.OpError{Op: "read", Err: io.EOF}) },
			[]string{"ERROR coro: panic in a handler"},
		},
		"a Goexit": {
			func(context.Context, net.Conn) error { runtime.Goexit(); return nil },
			[]string{"ERROR coro: handler called runtime.Goexit", "handler=github.com/weft-go/weft/coro.TestServeLogsWhatAHandlerFailsWith.func"},
		},
		"a panic of a task inside": {
			func(ctx context.Context, _ net.Conn) error {
				return WithScope(ctx, func(s *Scope) error { return s.Go(func(context.Context) error { panic("inside") }) })
			},
			[]string{"ERROR coro: panic in a handler", "panic=inside"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			onTCP(t, func(t *testing.T, e *env) {
				err := e.serving(test.handler, func(ctx context.Context, _ *Scope, ln *Listener) {
					c := e.dial(ctx, ln)
					_, err := c.Read(make([]byte, 1))
					require.Equal(t, io.EOF, err)
					require.NoError(t, ln.Close())
				})
				require.NoError(t, err)
				lines := e.log.lines()
				if test.want == nil {
					require.Empty(t, lines)
					return
				}
				require.Len(t, lines, 1)
				require.NotEmpty(t, e.log.find(test.want[0]), "the log: got %q, want a line that begins with %q", lines, test.want[0])
				for _, part := range test.want[1:] {
					require.Contains(t, lines[0], part)
				}
			})
		})
	}
}

func TestServeEndsGracefullyWhenItsListenerIsClosed(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		finished := 0
		err := e.serving(func(ctx context.Context, c net.Conn) error {
			question, err := io.ReadAll(c)
			if err != nil {
				return err
			}
			finished++
			_, err = c.Write(question)
			return err
		}, func(ctx context.Context, _ *Scope, ln *Listener) {
			var clients []*Conn
			for range 5 {
				c := e.dial(ctx, ln)
				_, err := c.Write([]byte("x"))
				require.NoError(t, err)
				clients = append(clients, c)
			}
			require.NoError(t, Sleep(ctx, time.Millisecond))
			settle(t, ctx)
			require.NoError(t, ln.Close())
			settle(t, ctx)
			require.Zero(t, finished)
			for _, c := range clients { // the handlers go on
				require.NoError(t, c.CloseWrite())
				require.Equal(t, "x", string(readAll(t, c)))
			}
		})
		require.NoError(t, err)
		require.Equal(t, 5, finished, "handlers that ran to their end")
	})
}

func TestServeEndsQuicklyWhenItIsCancelled(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		cancelled := 0
		err := e.serving(func(ctx context.Context, c net.Conn) error {
			_, err := io.ReadAll(c)
			require.ErrorIs(t, err, errTest, "a handler's operation")
			require.Equal(t, errTest, context.Cause(ctx))
			cancelled++
			return err
		}, func(ctx context.Context, s *Scope, ln *Listener) {
			for range 5 {
				e.dial(ctx, ln)
			}
			for e.os.accepted < 5 {
				require.NoError(t, Yield(ctx))
			}
			settle(t, ctx)
			require.NoError(t, s.Cancel(errTest))
		})
		require.Equal(t, errTest, err, "Serve, want the cause")
		require.Equal(t, 5, cancelled, "handlers that were cancelled")
		require.Empty(t, e.log.lines(), "the echo of a cancellation is not worth a line")
	})
}

// A failure that has nothing to do with the cancellation is logged then, too.
func TestServeThatIsCancelledDropsNoFailure(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		err := e.serving(func(ctx context.Context, c net.Conn) error {
			_, _ = c.Read(make([]byte, 1))
			return errors.New("something else")
		}, func(ctx context.Context, s *Scope, ln *Listener) {
			e.dial(ctx, ln)
			for e.os.accepted < 1 {
				require.NoError(t, Yield(ctx))
			}
			settle(t, ctx)
			require.NoError(t, s.Cancel(errTest))
		})
		require.Equal(t, errTest, err)
		require.Contains(t, e.log.find("WARN coro: handler failed"), "something else")
	})
}

func TestServeRefusesAForeignListener(t *testing.T) {
	handler := func(context.Context, net.Conn) error { panic("it ran") }
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		ln, err := Listen(ctx, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		std, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer std.Close()
		require.Equal(t, ErrForeignListener, Serve(ctx, std, handler), "Serve with a listener of package net")
		require.Equal(t, ErrForeignListener, Serve(ctx, nil, handler), "Serve without a listener")
		outside(t, ctx, func() {
			require.Equal(t, ErrNotTask, Serve(ctx, ln, handler), "Serve on a plain goroutine")
			require.NoError(t, Run(context.Background(), func(ctx context.Context) error {
				require.Equal(t, ErrForeignListener, Serve(ctx, ln, handler), "Serve with a listener of another loop")
				return nil
			}))
		})
		require.NoError(t, ln.Close())
		require.NoError(t, Serve(ctx, ln, handler), "Serve with a listener that is closed already")
		return nil
	}))
	require.Equal(t, ErrNoLoop, Serve(context.Background(), nil, handler))
}

func TestServeReturnsWhatAcceptFailsWith(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		finished := false
		err := e.serving(func(ctx context.Context, c net.Conn) error {
			defer func() { finished = true }()
			return Sleep(ctx, time.Hour)
		}, func(ctx context.Context, _ *Scope, ln *Listener) {
			e.dial(ctx, ln)
			for e.os.accepted < 1 {
				require.NoError(t, Yield(ctx))
			}
			settle(t, ctx)
			e.os.accept = func() error { return errTest }
			e.dial(ctx, ln)
		})
		require.ErrorIs(t, err, errTest)
		require.True(t, finished, "the handler of an open connection: it did not end")
	})
}
