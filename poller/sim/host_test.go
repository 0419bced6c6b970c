package sim_test

import (
	"context"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// keepTalking sends a message each second, up to the first error.
func keepTalking(ctx context.Context, c *coro.Conn) error {
	for {
		if err := pingPong2(c, 1); err != nil {
			return err
		}
		if err := coro.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

func copyBack(_ context.Context, c net.Conn) error {
	_, err := io.Copy(c, c)
	return err
}

func TestCrashedHostIsSilent(t *testing.T) {
	w, server, _ := pair(t, sim.Config{}, copyBack, keepTalking)
	w.At(10*time.Second, server.Crash)
	require.ErrorIs(t, w.Run(), syscall.ETIMEDOUT)
	require.Greater(t, w.Elapsed(), 15*time.Minute, "nobody told the client")
}

func TestRestartedHostAnswersOldConnectionsByReset(t *testing.T) {
	w, server, _ := pair(t, sim.Config{}, copyBack, keepTalking)
	w.At(10*time.Second, server.Crash)
	w.At(11*time.Second, server.Restart)
	require.ErrorIs(t, w.Run(), syscall.ECONNRESET)
	require.Less(t, w.Elapsed(), 13*time.Second)
}

func TestRestartedHostStartsItsProgramsAnew(t *testing.T) {
	w := newWorld(t, sim.Config{})
	server := w.Host("server")
	starts := 0
	server.Daemon("echo", tasks(func(ctx context.Context) error { starts++; return echo(ctx) }))
	returned := 0
	server.Go("returns", tasks(func(context.Context) error { returned++; return nil }))
	server.Daemon("returns, too", tasks(func(context.Context) error { returned++; return nil }))
	w.At(time.Second, server.Crash)
	w.At(2*time.Second, server.Restart)
	w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
		if err := coro.Sleep(ctx, 3*time.Second); err != nil {
			return err
		}
		_, err := ask(ctx, "server", "hello")
		return err
	}))
	require.NoError(t, w.Run())
	require.Equal(t, 2, starts, "lives of a program that was running")
	require.Equal(t, 2, returned, "lives of two programs that had returned")
}

func TestCrashedProgramUnwindsWithoutTouchingTheWorld(t *testing.T) {
	w, server, client := pair(t, sim.Config{}, copyBack, keepTalking)
	var last error
	unwound := false
	server.Daemon("witness", tasks(func(ctx context.Context) error {
		defer func() { unwound = true }()
		_ = coro.Sleep(ctx, time.Hour)
		_, last = coro.Dial(context.WithoutCancel(ctx), "tcp", "client:7")
		return nil
	}))
	_ = client
	w.At(time.Second, server.Crash)
	require.ErrorIs(t, w.Run(), syscall.ETIMEDOUT)
	require.True(t, unwound, "the program's deferred functions have run")
	require.Error(t, last, "a connect on a host that has crashed")
}

func TestPausedHostTakesItsTime(t *testing.T) {
	var answered time.Duration
	var w *sim.World
	w, server, _ := pair(t, sim.Config{}, copyBack, func(ctx context.Context, c *coro.Conn) error {
		if err := coro.Sleep(ctx, 2*time.Second); err != nil {
			return err
		}
		err := pingPong2(c, 1)
		answered = w.Elapsed()
		return err
	})
	w.At(time.Second, server.Pause)
	w.At(5*time.Second, server.Resume)
	require.NoError(t, w.Run())
	require.Equal(t, 5*time.Second, answered.Truncate(time.Millisecond))
}

func TestClockThatJumpsMakesTimersDue(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	h.Go("sleeper", tasks(func(ctx context.Context) error { return coro.Sleep(ctx, time.Hour) }))
	w.At(time.Second, func() { h.JumpClock(2 * time.Hour) })
	require.NoError(t, w.Run())
	require.Equal(t, time.Second, w.Elapsed().Truncate(time.Millisecond))
}

func TestBlockingFunctionTakesVirtualTime(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 3, Dials: sim.Dials{SlowDisk: time.Minute}})
	w.Host("server", "10.1.0.1", "fd00::1")
	var err error
	w.Host("client", "10.1.0.2").Go("looks a name up", tasks(func(ctx context.Context) error {
		_, err = coro.Dial(ctx, "tcp", "server:7")
		return nil
	}))
	require.NoError(t, w.Run())
	require.Error(t, err)
	require.Greater(t, w.Elapsed(), time.Second)
	require.Less(t, w.Elapsed(), 2*time.Minute)
}

func TestLoopbackStaysInsideItsHost(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("a").Daemon("echo", tasks(echo))
	require.NoError(t, w.RunFor(time.Millisecond))
	results := map[string]error{}
	for _, h := range []*sim.Host{w.Host("b"), w.Host("c")} {
		h.Go("ask", tasks(func(ctx context.Context) error {
			_, results[h.Name()] = ask(ctx, "127.0.0.1", "hello")
			return nil
		}))
	}
	require.NoError(t, w.Run())
	require.ErrorIs(t, results["b"], syscall.ECONNREFUSED)
	require.ErrorIs(t, results["c"], syscall.ECONNREFUSED)
}

func TestBlockingFunctionEndsWithItsHost(t *testing.T) {
	w := newWorld(t, sim.Config{Dials: sim.Dials{SlowDisk: 1000 * time.Hour}})
	crashing, other := w.Host("crashing"), w.Host("other")
	ended := 0
	for _, h := range []*sim.Host{crashing, other} {
		h.Daemon("looks a name up", tasks(func(ctx context.Context) error {
			defer func() { ended++ }()
			_, err := coro.Dial(ctx, "tcp", "other:7")
			return err
		}))
	}
	w.At(time.Second, crashing.Crash)
	require.NoError(t, w.RunFor(2*time.Second))
	require.Equal(t, 1, ended, "the crashed host's program has unwound")
	w.Close()
	require.Equal(t, 2, ended, "the world has ended")
}

func TestHostCrashesBeforeItsProgramsBegin(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	runs := 0
	h.Go("program", tasks(func(context.Context) error { runs++; return nil }))
	h.Crash()
	h.Crash() // does nothing
	w.At(time.Second, h.Restart)
	w.At(2*time.Second, h.Restart) // does nothing
	require.NoError(t, w.Run())
	require.Equal(t, 1, runs)
}

func TestRunWaitsForACrashedHost(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	h.Go("sleeper", tasks(func(ctx context.Context) error { return coro.Sleep(ctx, time.Hour) }))
	w.At(time.Second, h.Crash)
	err := w.Run()
	require.ErrorIs(t, err, sim.ErrHang)
	require.ErrorContains(t, err, "host host [10.0.0.1], down")
}

func TestHostIsPausedBeforeItsProgramsBegin(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	var began time.Duration
	h.Go("program", tasks(func(context.Context) error { began = w.Elapsed(); return nil }))
	h.Pause()
	w.Host("other").Go("program", tasks(func(context.Context) error { return nil }))
	w.At(time.Second, h.Resume)
	require.NoError(t, w.Run())
	require.Equal(t, time.Second, began.Truncate(time.Millisecond))
}

func TestScriptTurnsTheDialsOfTheWorld(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("server").Daemon("echo", tasks(echo))
	require.NoError(t, w.RunFor(time.Millisecond))
	w.At(10*time.Second, func() { w.SetDials(sim.Dials{Refuse: 1}) })
	w.At(20*time.Second, func() { w.SetDials(sim.Dials{}) })
	var refused []time.Duration
	w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
		for range 30 {
			if _, err := ask(ctx, "server", "hello"); err != nil {
				refused = append(refused, w.Elapsed().Truncate(time.Second))
			}
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, w.Run())
	require.Len(t, refused, 10)
	require.Equal(t, 10*time.Second, refused[0])
}

func TestKeepAliveFindsWhoIsGone(t *testing.T) {
	options := poller.SocketOptions{KeepAliveIdle: 30}
	for _, c := range []struct {
		name   string
		happen func(server, client *sim.Host)
		want   error
		took   time.Duration
	}{
		{"nobody is gone", func(_, _ *sim.Host) {}, os.ErrDeadlineExceeded, time.Hour},
		{"the server has crashed", func(server, _ *sim.Host) { server.Crash() }, syscall.ETIMEDOUT, 30*time.Second + 9*75*time.Second},
		{"the server is back", func(server, _ *sim.Host) { server.Crash(); server.Restart() }, syscall.ECONNRESET, 30 * time.Second},
		{"the way back is cut", func(server, client *sim.Host) { server.World().Link(server, client).CutFrom(server) }, syscall.ETIMEDOUT, 30*time.Second + 9*75*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sim.Config{})
			server, client := w.Host("server"), w.Host("client")
			server.Daemon("echo", tasks(echo))
			require.NoError(t, w.RunFor(time.Millisecond))
			var err error
			client.Go("listen", tasks(func(ctx context.Context) error {
				conn, dialErr := coro.Dialer{Options: options}.Dial(ctx, "tcp", "server:7")
				if dialErr != nil {
					return dialErr
				}
				defer conn.Close()
				if dialErr = conn.SetReadDeadline(w.Now().Add(time.Hour)); dialErr != nil {
					return dialErr
				}
				_, err = conn.Read(make([]byte, 1))
				return nil
			}))
			w.At(time.Second, func() { c.happen(server, client) })
			require.NoError(t, w.Run())
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.took, w.Elapsed().Truncate(time.Second))
		})
	}
}

func TestDeadlineByTimeNowHoldsAfterAClockJump(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		h := w.Host("host")
		h.Daemon("silent", serving(discard))
		require.NoError(t, w.RunFor(time.Millisecond))
		h.JumpClock(2 * time.Hour)
		h.Go("impatient", tasks(func(ctx context.Context) error {
			c, err := coro.Dial(ctx, "tcp", "host:7")
			require.NoError(t, err)
			defer c.Close()
			begin := w.Elapsed()
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
			_, err = c.Read(make([]byte, 1))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, time.Minute, (w.Elapsed() - begin).Truncate(time.Millisecond))
			return nil
		}))
	})
}
