package coro

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/reactor"
)

// servingBy runs serve on a listener of its own as a task, and peers against it,
// and returns what serve returns. Peers close the listener, or cancel.
func (e *env) servingBy(serve func(ctx context.Context, ln net.Listener) error, peers func(ctx context.Context, s *Scope, ln *Listener)) error {
	e.t.Helper()
	var result error
	_ = e.run(func(ctx context.Context) error {
		ln := e.listen(ctx)
		return WithScope(ctx, func(s *Scope) error {
			require.NoError(e.t, s.Go(func(ctx context.Context) error {
				result = serve(ctx, ln) // its failure is not the peers'
				return nil
			}))
			peers(ctx, s, ln)
			return nil
		})
	})
	return result
}

// serveKind is Serve or ServeReadable.
type serveKind func(c ServeConfig, ctx context.Context, ln net.Listener, handler func(context.Context, net.Conn) error) error

// onBothKinds runs a test with Serve and with ServeReadable, on every backend.
func onBothKinds(t *testing.T, test func(t *testing.T, e *env, serve serveKind)) {
	t.Helper()
	for name, kind := range map[string]serveKind{"Serve": ServeConfig.Serve, "ServeReadable": ServeConfig.ServeReadable} {
		t.Run(name, func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) { test(t, e, kind) })
		})
	}
}

// until lets the others run until a condition holds.
func until(t *testing.T, ctx context.Context, condition func() bool) {
	t.Helper()
	for !condition() {
		require.NoError(t, Yield(ctx))
	}
}

// answerOne is a handler for both kinds: each request is one read, and its answer
// the same bytes.
func answerOne(_ context.Context, c net.Conn) error {
	buf := make([]byte, 64)
	n, err := c.Read(buf)
	if err == nil {
		_, err = c.Write(buf[:n])
	}
	return err
}

// answering repeats answerOne, where there is a task for the whole connection.
func answering(ctx context.Context, c net.Conn) error {
	for c.(*Conn).extra == nil || c.(*Conn).extra.readable == nil {
		if err := answerOne(ctx, c); err != nil {
			return err
		}
	}
	return answerOne(ctx, c)
}

// ask sends a question and reads the answer of answering.
func ask(t *testing.T, c net.Conn, question string) {
	t.Helper()
	_, err := c.Write([]byte(question))
	require.NoError(t, err)
	got := make([]byte, len(question))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err, "the answer to %q", question)
	require.Equal(t, question, string(got))
}

// requireEnd reads the end of a connection that the server has closed.
func requireEnd(t *testing.T, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	require.Zero(t, n)
	require.Error(t, err, "read from a connection that should be closed")
	require.NotErrorIs(t, err, errStuck)
}

func TestMaxConnsPausesAccepting(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		var s *server
		most := int64(0)
		err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
			return serve(ServeConfig{MaxConns: 2}, ctx, ln, func(ctx context.Context, c net.Conn) error {
				s = c.(*Conn).extra.server
				most = max(most, s.conns.open.Load())
				return answering(ctx, c)
			})
		}, func(ctx context.Context, _ *Scope, ln *Listener) {
			var clients []*Conn
			for range 6 {
				clients = append(clients, e.dial(ctx, ln)) // the kernel accepts it
			}
			for i, c := range clients {
				until(t, ctx, func() bool { return e.os.accepted >= min(i+2, len(clients)) })
				ask(t, c, "x")
				settle(t, ctx)
				require.Equal(t, min(i+2, len(clients)), e.os.accepted, "connections accepted, when %d have ended", i)
				require.NoError(t, c.Close())
			}
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.EqualValues(t, 2, most, "connections at a time")
		require.Zero(t, s.conns.open.Load(), "the count at the end")
		require.Zero(t, s.open)
	})
}

func TestMaxConnsClosesThoseOverTheLimit(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		var s *server
		err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
			config := ServeConfig{MaxConns: 2, OverLimit: reactor.AcceptAndClose}
			return serve(config, ctx, ln, func(ctx context.Context, c net.Conn) error {
				s = c.(*Conn).extra.server
				return answering(ctx, c)
			})
		}, func(ctx context.Context, _ *Scope, ln *Listener) {
			first, second := e.dial(ctx, ln), e.dial(ctx, ln)
			ask(t, first, "first")
			ask(t, second, "second")
			for range 3 {
				c, err := Dial(ctx, e.network, ln.Addr().String())
				if err == nil { // the reset may come that early
					requireEnd(t, c)
				}
			}
			ask(t, first, "again")
			require.NoError(t, first.Close())
			until(t, ctx, func() bool { return s.conns.open.Load() == 1 })
			third := e.dial(ctx, ln)
			ask(t, third, "third")
			require.NoError(t, third.Close())
			require.NoError(t, second.Close())
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.Zero(t, s.conns.open.Load(), "the count at the end")
	})
}

// A listener that is closed while its server waits for room, and a cancellation
// there.
func TestMaxConnsDoesNotHoldUpTheEnd(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
			var s *server
			err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
				return serve(ServeConfig{MaxConns: 1}, ctx, ln, func(ctx context.Context, c net.Conn) error {
					s = c.(*Conn).extra.server
					return answering(ctx, c)
				})
			}, func(ctx context.Context, scope *Scope, ln *Listener) {
				c := e.dial(ctx, ln)
				ask(t, c, "x")
				until(t, ctx, s.conns.paused.Load)
				if cancelled {
					require.NoError(t, scope.Cancel(errTest))
					return
				}
				require.NoError(t, ln.Close())
				settle(t, ctx)
				ask(t, c, "it goes on")
				require.NoError(t, c.Close())
			})
			if cancelled {
				require.Equal(t, errTest, err)
			} else {
				require.NoError(t, err)
			}
			require.Zero(t, s.conns.open.Load())
		})
	}
}

// A connection that the kernel has no room to register gives its place back.
func TestMaxConnsCountsNoConnectionThatCannotBeRegistered(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
			return serve(ServeConfig{MaxConns: 1}, ctx, ln, answering)
		}, func(ctx context.Context, _ *Scope, ln *Listener) {
			added := 0
			e.os.add = func() error {
				if e.os.accepted == added || added == 2 {
					return nil // one that was dialled, or the third
				}
				added++
				return errTest
			}
			first, second, third := e.dial(ctx, ln), e.dial(ctx, ln), e.dial(ctx, ln)
			requireEnd(t, first)
			requireEnd(t, second)
			ask(t, third, "x")
			require.NoError(t, third.Close())
			require.NoError(t, ln.Close())
		})
		require.NoError(t, err)
		require.NotEmpty(t, e.log.find("WARN coro: accepted connection dropped"))
	})
}
