package sim_test

import (
	"context"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
	"github.com/weft-go/weft/poller/sim"
)

func TestDialsDecideHowAConnectEnds(t *testing.T) {
	for _, c := range []struct {
		name  string
		dials sim.Dials
		want  error
		took  time.Duration
	}{
		{"refused", sim.Dials{Refuse: 1}, syscall.ECONNREFUSED, 20 * time.Millisecond},
		{"unreachable", sim.Dials{Unreachable: 1}, syscall.EHOSTUNREACH, 10 * time.Millisecond},
		{"timed out", sim.Dials{TimeOut: 1}, syscall.ETIMEDOUT, 127*time.Second + 10*time.Millisecond},
		{"no descriptor", sim.Dials{TooManyFiles: 1}, poller.ErrTooManyFiles, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sim.Config{Link: sim.Conditions{Latency: 10 * time.Millisecond}})
			w.Host("server").Daemon("echo", tasks(echo))
			require.NoError(t, w.RunFor(time.Millisecond))
			client := w.Host("client")
			client.SetDials(c.dials)
			begin := w.Elapsed()
			client.Go("ask", tasks(func(ctx context.Context) error {
				_, err := ask(ctx, "server", "hello")
				return err
			}))
			require.ErrorIs(t, w.Run(), c.want)
			require.Equal(t, c.took, (w.Elapsed() - begin).Truncate(10*time.Millisecond))
		})
	}
}

func TestHalfOpenConnectionIsFoundByWriting(t *testing.T) {
	w := newWorld(t, sim.Config{})
	accepted := 0
	w.Host("server").Daemon("serve", tasks(func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", ":7")
		if err != nil {
			return err
		}
		return coro.Serve(ctx, ln, func(context.Context, net.Conn) error { accepted++; return nil })
	}))
	require.NoError(t, w.RunFor(time.Millisecond))
	client := w.Host("client")
	client.SetDials(sim.Dials{HalfOpen: 1})
	client.Go("ask", tasks(func(ctx context.Context) error {
		_, err := ask(ctx, "server", "hello")
		return err
	}))
	require.ErrorIs(t, w.Run(), syscall.ETIMEDOUT)
	require.Zero(t, accepted)
}

func TestConnectToNobodyIsUnreachable(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
		_, err := coro.Dial(ctx, "tcp", "10.9.9.9:7")
		return err
	}))
	require.ErrorIs(t, w.Run(), syscall.EHOSTUNREACH)
}

func TestNameOfNobodyIsNotFound(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
		_, err := coro.Dial(ctx, "tcp", "nobody:7")
		return err
	}))
	var notFound *net.DNSError
	require.ErrorAs(t, w.Run(), &notFound)
	require.True(t, notFound.IsNotFound)
}

func TestServerOutlivesWantOfDescriptorsAndDeadConnections(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(t, sim.Config{Seed: seed})
		server := w.Host("server")
		server.Daemon("echo", tasks(echo))
		require.NoError(t, w.RunFor(time.Millisecond))
		server.SetDials(sim.Dials{TooManyFiles: 0.3, AbortAccept: 0.3})
		answered := 0
		w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
			for range 30 {
				if answer, err := ask(ctx, "server", "hello"); err == nil && answer == "hello" {
					answered++
				}
			}
			return nil
		}))
		require.NoError(t, w.Run(), "seed %d", seed)
		require.Positive(t, answered, "seed %d: answers", seed)
		require.Less(t, answered, 30, "seed %d: answers, with a third of the connections dying", seed)
	}
}

func TestResetHitsAWriter(t *testing.T) {
	w, _, client := pair(t, sim.Config{}, discard, func(_ context.Context, c *coro.Conn) error {
		_, err := c.Write([]byte("x"))
		return err
	})
	client.SetDials(sim.Dials{Reset: 1})
	require.ErrorIs(t, w.Run(), syscall.ECONNRESET)
}

func TestDescriptorsOfAHostAreLimited(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	h.SetMaxFiles(2)
	os := h.OS()
	for range 2 {
		_, err := os.Listen(poller.Addr{Path: "/a"}, poller.ListenOptions{})
		if err != nil {
			_, err = os.Listen(poller.Addr{Path: "/b"}, poller.ListenOptions{})
		}
		require.NoError(t, err)
	}
	_, err := os.Listen(poller.Addr{Path: "/c"}, poller.ListenOptions{})
	require.ErrorIs(t, err, poller.ErrTooManyFiles)
	require.ErrorIs(t, err, syscall.EMFILE)
}

func TestPeekLeavesTheBytes(t *testing.T) {
	w := newWorld(t, sim.Config{Dials: sim.Freedoms()})
	l := pollertest.NewLoop(t, w.Host("host").OS())
	client, server := l.Pair()
	_, err := l.Peek(server, make([]byte, 8))
	require.Equal(t, poller.ErrWouldBlock, err)
	l.Send(client, []byte("abc"))
	require.NoError(t, l.CloseFD(client))
	l.Await(server, poller.Readable)
	for range 3 {
		buf := make([]byte, 8)
		n, err := l.Peek(server, buf)
		require.NoError(t, err)
		require.Equal(t, "abc", string(buf[:n]))
	}
	got, err := l.ReceiveAll(server)
	require.NoError(t, err)
	require.Equal(t, "abc", string(got))
	_, err = l.Peek(server, make([]byte, 8))
	require.Equal(t, io.EOF, err)
}
