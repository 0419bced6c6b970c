package sim_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// slow is a link on which things can be seen under way.
var slow = sim.Conditions{Latency: 50 * time.Millisecond, Bandwidth: 1 << 20}

func TestBytesLingerBehindAClose(t *testing.T) {
	const size = 1 << 20
	w := newWorld(t, sim.Config{Link: slow})
	var got int64
	var closed, ended time.Duration
	w.Host("server").Go("serve", tasks(func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", ":7")
		if err != nil {
			return err
		}
		c, err := ln.Accept()
		if err != nil {
			return err
		}
		defer c.Close()
		got, err = io.Copy(io.Discard, c)
		ended = w.Elapsed()
		return err
	}))
	require.NoError(t, w.RunFor(time.Millisecond))
	w.Host("client").Go("send and leave", tasks(func(ctx context.Context) error {
		c, err := coro.Dial(ctx, "tcp", "server:7")
		if err != nil {
			return err
		}
		if _, err = c.Write(make([]byte, size)); err != nil {
			return err
		}
		closed = w.Elapsed()
		return c.Close()
	}))
	require.NoError(t, w.Run())
	require.EqualValues(t, size, got)
	require.Greater(t, ended, closed+50*time.Millisecond, "the end came after the close")
}

func TestCloseWithBytesUnreadIsAReset(t *testing.T) {
	w, _, _ := pair(t, sim.Config{Link: slow}, func(ctx context.Context, c net.Conn) error {
		return coro.Sleep(ctx, time.Second) // and is closed by Serve
	}, func(_ context.Context, c *coro.Conn) error {
		if _, err := c.Write([]byte("never read")); err != nil {
			return err
		}
		_, err := c.Read(make([]byte, 1))
		return err
	})
	require.ErrorIs(t, w.Run(), syscall.ECONNRESET)
}

func TestWriteToAPeerThatIsGoneIsAnsweredByAReset(t *testing.T) {
	w, _, _ := pair(t, sim.Config{Link: slow}, func(context.Context, net.Conn) error {
		return nil
	}, func(ctx context.Context, c *coro.Conn) error {
		if _, err := io.ReadAll(c); err != nil {
			return err
		}
		if _, err := c.Write([]byte("x")); err != nil {
			return err
		}
		if err := coro.Sleep(ctx, time.Second); err != nil {
			return err
		}
		_, err := c.Write([]byte("x"))
		return err
	})
	require.ErrorIs(t, w.Run(), syscall.ECONNRESET)
}

func TestConnectToAFullBacklogWaitsForTheNextSYN(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("server").Daemon("busy", tasks(func(ctx context.Context) error {
		ln, err := coro.ListenConfig{Options: poller.ListenOptions{Backlog: 1}}.Listen(ctx, "tcp", ":7")
		if err != nil {
			return err
		}
		if err := coro.Sleep(ctx, 5*time.Second); err != nil {
			return err
		}
		return coro.Serve(ctx, ln, copyBack)
	}))
	require.NoError(t, w.RunFor(time.Millisecond))
	var connected []time.Duration
	for _, name := range []string{"a", "b", "c"} {
		w.Host(name).Go("dial", tasks(func(ctx context.Context) error {
			c, err := coro.Dial(ctx, "tcp", "server:7")
			if err != nil {
				return err
			}
			connected = append(connected, w.Elapsed().Truncate(time.Second))
			return c.Close()
		}))
	}
	require.NoError(t, w.Run())
	require.Equal(t, []time.Duration{0, 0, 7 * time.Second}, connected, "a backlog of 1 has room for 2; SYNs come after 0, 1, 3 and 7 s")
}

func TestListenersShareAPortBySeed(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 5})
	server := w.Host("server")
	accepted := map[string]int{}
	for _, name := range []string{"one", "two"} {
		server.Daemon(name, tasks(func(ctx context.Context) error {
			ln, err := coro.ListenConfig{Options: poller.ListenOptions{ReusePort: true}}.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			return coro.Serve(ctx, ln, func(ctx context.Context, c net.Conn) error {
				accepted[name]++
				return copyBack(ctx, c)
			})
		}))
	}
	require.NoError(t, w.RunFor(time.Millisecond))
	w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
		for range 50 {
			if _, err := ask(ctx, "server", "hello"); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, w.Run())
	require.Greater(t, accepted["one"], 10)
	require.Greater(t, accepted["two"], 10)
}

func TestAddressesAreThoseOfTheHost(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host", "10.1.0.1", "fd00::1")
	w.Host("other", "10.1.0.2")
	system := h.OS()
	listen := func(address string) error {
		at, err := poller.ParseAddr("tcp", address)
		require.NoError(t, err)
		_, err = system.Listen(at, poller.ListenOptions{})
		return err
	}
	require.NoError(t, listen("10.1.0.1:7"))
	require.NoError(t, listen("127.0.0.1:7"), "another address, the same port")
	require.NoError(t, listen("[fd00::1]:7"))
	require.ErrorIs(t, listen("[::]:7"), syscall.EADDRINUSE, "every address, one of them in use")
	require.ErrorIs(t, listen("0.0.0.0:7"), syscall.EADDRINUSE)
	require.ErrorIs(t, listen("10.1.0.2:8"), syscall.EADDRNOTAVAIL, "an address of another host")
	require.NoError(t, listen("[::]:9"))
	require.ErrorIs(t, listen("10.1.0.1:9"), syscall.EADDRINUSE)
}

func TestIPv6IsADialAway(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("server", "fd00::1").Daemon("echo", tasks(echo))
	require.NoError(t, w.RunFor(time.Millisecond))
	w.Host("client", "fd00::2", "10.0.0.9").Go("ask", tasks(func(ctx context.Context) error {
		_, err := ask(ctx, "server", "hello")
		return err
	}))
	require.NoError(t, w.Run())
	w = newWorld(t, sim.Config{})
	w.Host("server", "fd00::1").Daemon("echo", tasks(echo))
	w.Host("client", "10.0.0.9").Go("ask", tasks(func(ctx context.Context) error {
		_, err := ask(ctx, "server", "hello")
		return err
	}))
	require.ErrorIs(t, w.Run(), syscall.ENETUNREACH, "from a host without IPv6")
}

func TestUnixPathsAreTheHostsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte("real"), 0o600))
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	for range 2 { // one after the other, at the same path
		h.Go("serve", tasks(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "unix", path)
			if err != nil {
				return err
			}
			c, err := coro.Dial(ctx, "unix", path)
			if err != nil {
				return err
			}
			if err := c.Close(); err != nil {
				return err
			}
			return ln.Close()
		}))
		require.NoError(t, w.RunFor(time.Second))
	}
	w.Host("other").Go("dial", tasks(func(ctx context.Context) error {
		_, err := coro.Dial(ctx, "unix", path)
		return err
	}))
	require.ErrorIs(t, w.Run(), syscall.ENOENT)
	content, err := os.ReadFile(path)
	require.NoError(t, err, "the machine's file")
	require.Equal(t, "real", string(content))
}
