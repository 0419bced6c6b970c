package coro

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// draining runs a server with a DrainTimeout against two clients, one idle and
// one in a request, which is answered when the test says so. How the request
// ends is in failed.
type draining struct {
	env          *env
	idle, asking *Conn
	inRequest    Event // the handler waits for goOn
	goOn         Event
	failed       error
	server       *server
}

func (d *draining) handler(ctx context.Context, c net.Conn) error {
	d.server = c.(*Conn).extra.server
	for {
		buf := make([]byte, 64)
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		if string(buf[:n]) == "wait" {
			err = WithScope(ctx, func(s *Scope) error { // cancelled or not, also in here
				return s.Go(func(ctx context.Context) error {
					_ = d.inRequest.Set(ctx)
					d.failed = d.goOn.Wait(ctx)
					return d.failed
				})
			})
		}
		if err == nil {
			_, err = c.Write(buf[:n])
		}
		if err != nil || c.(*Conn).extra.readable != nil {
			return err
		}
	}
}

// onDrain runs end once there are the two clients, and returns what the server
// returns.
func onDrain(t *testing.T, e *env, serve serveKind, c ServeConfig, end func(ctx context.Context, s *Scope, ln *Listener, d *draining)) (*draining, error) {
	d := &draining{env: e}
	err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
		return serve(c, ctx, ln, d.handler)
	}, func(ctx context.Context, s *Scope, ln *Listener) {
		require.NoError(t, Shield(ctx, func(ctx context.Context) error {
			d.idle, d.asking = e.dial(ctx, ln), e.dial(ctx, ln)
			ask(t, d.idle, "x")
			_, err := d.asking.Write([]byte("wait"))
			require.NoError(t, err)
			require.NoError(t, d.inRequest.Wait(ctx))
			end(ctx, s, ln, d)
			return nil
		}))
	})
	require.Zero(t, d.server.open, "open connections at the end")
	require.False(t, d.server.idleTimer.IsSet())
	require.Nil(t, d.server.idle.first)
	return d, err
}

func TestDrainLetsRequestsBeAnswered(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		config := ServeConfig{DrainTimeout: long, IdleTimeout: long, RequestTimeout: long}
		d, err := onDrain(t, e, serve, config, func(ctx context.Context, s *Scope, ln *Listener, d *draining) {
			require.NoError(t, s.Cancel(errTest))
			requireEnd(t, d.idle)
			require.NoError(t, d.goOn.Set(ctx))
			require.Equal(t, "wait", string(readAll(t, d.asking)), "the answer, and then the end")
		})
		require.Equal(t, errTest, err, "what the server returns")
		require.NoError(t, d.failed, "what the handler waited for")
		require.Empty(t, e.log.lines())
	})
}

func TestDrainEndsWhenItsTimeIsOver(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		d, err := onDrain(t, e, serve, ServeConfig{DrainTimeout: brief}, func(ctx context.Context, s *Scope, ln *Listener, d *draining) {
			require.NoError(t, s.Cancel(errTest))
			requireEnd(t, d.idle)
			requireEnd(t, d.asking)
		})
		require.Equal(t, errTest, err)
		requireTimeout(t, d.failed, brief)
	})
}

func TestDrainWithoutATimeCancelsRequests(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		d, err := onDrain(t, e, serve, ServeConfig{MaxConns: 100}, func(ctx context.Context, s *Scope, ln *Listener, d *draining) {
			require.NoError(t, s.Cancel(errTest))
			requireEnd(t, d.idle)
			requireEnd(t, d.asking)
		})
		require.Equal(t, errTest, err)
		require.Equal(t, errTest, d.failed)
	})
}

// Closing the listener is the graceful end, for which there is no limit; a
// cancellation that comes after it begins the drain.
func TestDrainBeginsAlsoWhenTheListenerIsClosedAlready(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		d, err := onDrain(t, e, serve, ServeConfig{DrainTimeout: brief}, func(ctx context.Context, s *Scope, ln *Listener, d *draining) {
			require.NoError(t, ln.Close())
			settle(t, ctx)
			ask(t, d.idle, "it goes on")
			require.NoError(t, s.Cancel(errTest))
			requireEnd(t, d.idle)
			requireEnd(t, d.asking)
		})
		require.Equal(t, errTest, err)
		requireTimeout(t, d.failed, brief)
	})
}

func TestDrainBeginsWhenAcceptingFails(t *testing.T) {
	onBothKinds(t, func(t *testing.T, e *env, serve serveKind) {
		d, err := onDrain(t, e, serve, ServeConfig{DrainTimeout: long}, func(ctx context.Context, s *Scope, ln *Listener, d *draining) {
			e.os.accept = func() error { return errTest }
			_, _ = Dial(ctx, e.network, ln.Addr().String())
			requireEnd(t, d.idle)
			require.NoError(t, d.goOn.Set(ctx))
			require.Equal(t, "wait", string(readAll(t, d.asking)))
		})
		require.ErrorIs(t, err, errTest)
		require.NoError(t, d.failed)
	})
}

// A handler that reads in one task and writes in another is not cut off between
// two writes: nobody knows which is the last.
func TestDrainDoesNotCutOffAHandlerThatReadsAndWritesAtTheSameTime(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		var asked, begun, goOn Event
		handler := func(ctx context.Context, c net.Conn) error {
			err := WithScope(ctx, func(s *Scope) error {
				if err := s.Daemon(func(ctx context.Context) error {
					for {
						if _, err := c.Read(make([]byte, 64)); err != nil {
							return err
						}
						_ = asked.Set(ctx)
					}
				}); err != nil {
					return err
				}
				if err := asked.Wait(ctx); err != nil {
					return err
				}
				settle(t, ctx) // it reads again
				if _, err := c.Write([]byte("a long ")); err != nil {
					return err
				}
				_ = begun.Set(ctx)
				if err := goOn.Wait(ctx); err != nil {
					return err
				}
				_, err := c.Write([]byte("answer"))
				return err
			})
			return err
		}
		err := e.servingBy(func(ctx context.Context, ln net.Listener) error {
			return ServeConfig{DrainTimeout: long}.Serve(ctx, ln, handler)
		}, func(ctx context.Context, s *Scope, ln *Listener) {
			require.NoError(t, Shield(ctx, func(ctx context.Context) error {
				c := e.dial(ctx, ln)
				_, err := c.Write([]byte("?"))
				require.NoError(t, err)
				require.NoError(t, begun.Wait(ctx))
				require.NoError(t, s.Cancel(errTest))
				settle(t, ctx)
				require.NoError(t, goOn.Set(ctx))
				require.Equal(t, "a long answer", string(readAll(t, c)))
				return nil
			}))
		})
		require.Equal(t, errTest, err)
	})
}
