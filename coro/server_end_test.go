package coro

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

func TestServerSaysWhatItCannotDo(t *testing.T) {
	nothing := func(context.Context, net.Conn) error { return nil }
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTest)
	regular := filepath.Join(t.TempDir(), "f")
	require.NoError(t, os.WriteFile(regular, nil, 0o600))
	for name, test := range map[string]struct {
		ctx              context.Context
		server           Server
		network, address string
		want             error
	}{
		"a port in use":             {t.Context(), Server{Loops: 3}, "tcp", taken.Addr().String(), syscall.EADDRINUSE},
		"a port in use, handing":    {t.Context(), Server{Loops: 3, Spread: reactor.SpreadRoundRobin}, "tcp", taken.Addr().String(), syscall.EADDRINUSE},
		"a path in use":             {t.Context(), Server{Loops: 3}, "unix", regular, poller.ErrPathInUse},
		"reuse port on Unix":        {t.Context(), Server{Loops: 2, Spread: reactor.SpreadReusePort}, "unix", "/nowhere", errors.ErrUnsupported},
		"reuse port with a limit":   {t.Context(), Server{Spread: reactor.SpreadReusePort, Limits: ServeConfig{MaxConns: 1}}, "tcp", "127.0.0.1:0", errors.ErrUnsupported},
		"a context that has ended":  {ctx, Server{Loops: 3}, "tcp", "127.0.0.1:0", errTest},
		"one system for all loops":  {t.Context(), Server{Config: Config{Reactor: reactor.Options{OS: new(faultyOS)}}}, "tcp", "127.0.0.1:0", errSharedOS},
		"loops that cannot be made": {t.Context(), Server{Loops: 3, Config: Config{Reactor: reactor.Options{Poller: poller.Config{Backend: 99}}}}, "tcp", "127.0.0.1:0", nil},
	} {
		t.Run(name, func(t *testing.T) {
			test.server.OnListen = func(net.Addr) { t.Error("OnListen was called") }
			err := test.server.Run(test.ctx, test.network, test.address, nothing)
			require.Error(t, err)
			require.True(t, test.want == nil || errors.Is(err, test.want), "%v", err)
			require.NotContains(t, err.Error(), "\n", "the error of all loops, once")
		})
	}
	require.Error(t, Server{}.Run(t.Context(), "tcp", "no address", nothing))
	require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
		require.Equal(t, ErrNested, Server{}.Run(ctx, "tcp", "127.0.0.1:0", nothing), "Run in a task")
		return nil
	}))
}

func TestServerEndsAllLoopsWhenOneFails(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		for _, spread := range spreads {
			r := e.startServer(Server{Loops: 3, Spread: spread, OnListen: func(net.Addr) { panic("oh") }}, false, answering)
			err := wait(t, r.ended, "the server's end")
			var panicked *PanicError
			require.ErrorAs(t, err, &panicked)
			require.NotContains(t, err.Error(), "\n", "one failure is one error")
		}
	})
}

func TestServerThatIsCancelledInOnListen(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		for _, spread := range spreads {
			ctx, cancel := context.WithCancelCause(t.Context())
			s := Server{Loops: 3, Spread: spread, OnListen: func(net.Addr) { cancel(errTest) }}
			require.Equal(t, errTest, s.Run(ctx, "tcp", "127.0.0.1:0", answering))
		}
	})
}

func TestServerErrorsCountOnce(t *testing.T) {
	other := errors.New("other")
	panicked := &PanicError{Value: errTest}
	require.NoError(t, oneEach([]error{nil, nil}))
	require.Equal(t, errTest, oneEach([]error{errTest, nil, errTest, fmt.Errorf("x: %w", errTest)}))
	require.Equal(t, panicked, oneEach([]error{panicked, panicked}))
	err := oneEach([]error{context.Canceled, errors.Join(context.Canceled, other)})
	require.ErrorIs(t, err, other, "an error joined with the cause")
}

// Connections that come to a loop that is ending, or has ended, are dropped and
// counted off.
func TestServerHandOverToALoopThatEnds(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		ending, end := context.WithCancelCause(t.Context())
		to := &server{handler: answering}
		f := &fleet{Server: Server{Loops: 2, Spread: reactor.SpreadRoundRobin}}
		to.fleet, f.conns = f, &connCount{limit: 9}
		to.conns = f.conns
		joined, drained, over := make(chan struct{}), make(chan struct{}), make(chan struct{})
		release := make(chan struct{})
		go func() {
			defer close(over)
			_ = e.config().Run(ending, func(ctx context.Context) error {
				err := to.run(ctx, func(task *task) error {
					f.join(to)
					close(joined)
					return to.waitForEnd(task)
				})
				close(drained)
				<-release // the loop is still there, and the server is not
				return err
			})
		}()
		wait(t, joined, "a server")
		require.NoError(t, Run(t.Context(), func(ctx context.Context) error {
			e := *e
			client, c := e.pair(ctx)
			handOut := func(want bool) {
				fd, err := c.src.Deregister()
				require.NoError(t, err)
				require.True(t, f.conns.enter())
				require.Equal(t, want, f.handOut(fd, poller.Addr{AddrPort: c.peer}))
				if !want {
					require.NoError(t, c.loop.reactor.OS().Abort(fd))
					f.conns.leave()
				}
			}
			end(errTest)
			outside(t, ctx, func() { <-drained })
			handOut(true)
			close(release)
			outside(t, ctx, func() { <-over })
			_, err := client.Read(make([]byte, 1))
			require.Error(t, err)
			require.NotEqual(t, io.EOF, err, "the connection was reset")
			_, c = e.pair(ctx)
			handOut(false)
			return nil
		}))
		require.Zero(t, to.load.Load(), "connections on the loop")
		require.Zero(t, f.conns.open.Load(), "connections of the fleet")
	})
}
