package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

func TestRunNamesTheProgramsThatFailed(t *testing.T) {
	w := newWorld(t, sim.Config{})
	cause := errors.New("out of coffee")
	w.Host("kitchen").Go("cook", func(poller.OS) error { return cause })
	w.Host("garden").Go("gardener", func(poller.OS) error { panic("a mole") })
	w.Host("house").Go("reader", func(poller.OS) error { return nil })
	err := w.Run()
	require.ErrorIs(t, err, cause)
	require.ErrorContains(t, err, "kitchen/cook: out of coffee")
	require.ErrorContains(t, err, "garden/gardener: panic: a mole")
	require.ErrorContains(t, err, "run_test.go", "the panic's stack")
	require.NotContains(t, err.Error(), "reader")
}

func TestHangSaysWhoWaitsForWhat(t *testing.T) {
	w, server, client := pair(t, sim.Config{}, func(_ context.Context, c net.Conn) error {
		_, err := c.Read(make([]byte, 1)) // both wait for the other to begin
		return err
	}, func(_ context.Context, c *coro.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	})
	server.Describe(func(out io.Writer) { fmt.Fprint(out, "task 1\ntask 2\n") })
	_ = client
	err := w.Run()
	require.ErrorIs(t, err, sim.ErrHang)
	for _, want := range []string{
		"deadlock at 1.0", "host server [10.0.0.1]", "program serve: sleeping since", "for an event or a wake-up (daemon)",
		"listens at [::]:7", "open 10.0.0.1:7 -> 10.0.0.2:", "0 bytes to read", "waits to be readable", "\ttask 1\n\ttask 2",
		"host client [10.0.0.2]", "program dial: sleeping",
		"accept on [::]:7", "read from 10.0.0.2:", "read from 10.0.0.1:7", "run_test.go:",
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestWorldThatOnlyTicksReachesItsLimit(t *testing.T) {
	w := newWorld(t, sim.Config{Limit: time.Hour})
	w.Host("host").Go("clock", tasks(func(ctx context.Context) error {
		for {
			if err := coro.Sleep(ctx, time.Minute); err != nil {
				return err
			}
		}
	}))
	require.ErrorContains(t, w.Run(), "the limit of 1h0m0s of virtual time is reached")
}

func TestProgramThatDoesNotEndIsBrokenOff(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("host").Daemon("stubborn", func(os poller.OS) error {
		for {
			_, _ = os.Wait(make([]poller.Event, 1), time.Second)
		}
	})
	w.Host("other").Go("done", func(os poller.OS) error {
		_, err := os.Wait(make([]poller.Event, 1), time.Minute)
		return err
	})
	require.ErrorContains(t, w.Run(), "host/stubborn goes on waiting")
}

func TestUntilLooksBetweenSteps(t *testing.T) {
	w := newWorld(t, sim.Config{})
	ticks := 0
	w.Host("host").Go("clock", tasks(func(ctx context.Context) error {
		for ; ; ticks++ {
			if err := coro.Sleep(ctx, time.Minute); err != nil {
				return err
			}
		}
	}))
	require.NoError(t, w.Until(func() bool { return ticks == 7 }))
	require.Equal(t, 7*time.Minute, w.Elapsed().Truncate(time.Second))
	require.NoError(t, w.RunFor(time.Hour+time.Second))
	require.Equal(t, 67, ticks)
}

func TestScriptRunsOnTheTestsGoroutine(t *testing.T) {
	for _, how := range []string{"panic", "Goexit"} {
		t.Run(how, func(t *testing.T) {
			var value any
			returned := false
			done := make(chan struct{})
			go func() {
				defer close(done)
				defer func() { value = recover() }()
				w := sim.New(sim.Config{})
				defer w.Close()
				for _, name := range []string{"a", "b"} {
					w.Host(name).Go("sleeper", tasks(func(ctx context.Context) error { return coro.Sleep(ctx, time.Hour) }))
				}
				w.At(time.Minute, func() {
					if how == "panic" {
						panic("a script's own")
					}
					runtime.Goexit() // as FailNow does
				})
				_ = w.Run()
				returned = true
			}()
			<-done
			require.False(t, returned, "Run has returned")
			if how == "panic" {
				require.Equal(t, "a script's own", value)
			}
		})
	}
}

// scenario is a bit of everything, and what came of it.
func scenario(t *testing.T, seed uint64) (hash uint64, trace string) {
	t.Helper()
	w := newWorld(t, sim.Config{Seed: seed, Dials: sim.Freedoms(), Trace: -1,
		Link: sim.Conditions{Latency: time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05, Bandwidth: 1 << 20}})
	server := w.Host("server")
	server.Daemon("echo", tasks(echo))
	for i := range 5 {
		w.Host(fmt.Sprint("client ", i)).Go("ask", tasks(func(ctx context.Context) error {
			for range 5 {
				_, _ = ask(ctx, "server", "a question of some length")
				if err := coro.Sleep(ctx, time.Duration(w.Rand().IntN(1000))*time.Millisecond); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	w.At(time.Second, server.Crash)
	w.At(2*time.Second, server.Restart)
	require.NoError(t, w.Run())
	var b bytes.Buffer
	w.WriteTrace(&b, -1)
	return w.TraceHash(), b.String()
}

func TestSeedDecidesEverything(t *testing.T) {
	hashes := map[uint64]bool{}
	for seed := range uint64(10) {
		hash, trace := scenario(t, seed)
		again, traceAgain := scenario(t, seed)
		require.Equal(t, trace, traceAgain, "two runs of seed %d", seed)
		require.Equal(t, hash, again, "two runs of seed %d", seed)
		hashes[hash] = true
	}
	require.Len(t, hashes, 10, "seeds that lead to runs of their own")
}

// counter is a handler that stops its loop after so many bytes.
type counter struct {
	reactor.NopHandler
	left int
	loop *reactor.Loop
}

func (h *counter) OnData(c *reactor.Conn, p []byte) int {
	if h.left -= len(p); h.left <= 0 {
		h.loop.Stop()
	}
	_, _ = c.Write(p)
	return len(p)
}

func TestProgramRunsAReactorUnchanged(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 4, Dials: sim.Freedoms()})
	w.Host("server").Daemon("echo", func(os poller.OS) error {
		l, err := reactor.NewLoop(reactor.Options{OS: os, PoisonBuffers: true})
		if err != nil {
			return err
		}
		if _, err = l.Listen("tcp", ":7", reactor.ListenOptions{}, func(*reactor.Conn) reactor.Handler { return &counter{loop: l, left: 1 << 30} }); err != nil {
			return err
		}
		return l.Run(context.Background())
	})
	require.NoError(t, w.RunFor(time.Millisecond))
	w.Host("client").Go("ping", func(os poller.OS) error {
		l, err := reactor.NewLoop(reactor.Options{OS: os, PoisonBuffers: true})
		if err != nil {
			return err
		}
		c, err := l.Dial("tcp", "10.0.0.1:7", reactor.DialOptions{}, &counter{loop: l, left: 10_000})
		if err != nil {
			return err
		}
		if _, err = c.Write(make([]byte, 100)); err != nil {
			return err
		}
		return l.Run(context.Background())
	})
	require.NoError(t, w.Run())
}

func TestLoopIsSteppedByHand(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("server").Daemon("echo", tasks(echo))
	require.NoError(t, w.RunFor(time.Millisecond))
	l, err := reactor.NewLoop(reactor.Options{OS: w.Host("client").OS()})
	require.NoError(t, err)
	defer l.Close()
	h := &counter{loop: l, left: 100}
	c, err := l.Dial("tcp", "10.0.0.1:7", reactor.DialOptions{}, h)
	require.NoError(t, err)
	_, err = c.Write(make([]byte, 100))
	require.NoError(t, err)
	for h.left > 0 {
		require.NoError(t, l.Turn(-1), "a Turn lets the server run")
	}
}

func TestWorldThatNeverWaitsReachesItsLimit(t *testing.T) {
	w := newWorld(t, sim.Config{Limit: 10 * time.Millisecond})
	w.Host("host").Go("busy", tasks(func(ctx context.Context) error {
		for w.Elapsed() < 30*time.Millisecond { // an end, so that a failure is one
			if err := coro.Yield(ctx); err != nil {
				return err
			}
		}
		return errors.New("nobody has minded")
	}))
	err := w.Run()
	require.ErrorIs(t, err, sim.ErrHang)
	require.ErrorContains(t, err, "the limit of 10ms of virtual time is reached")
}

func TestOwnWaitMeetsTheLimit(t *testing.T) {
	w := newWorld(t, sim.Config{Limit: 10 * time.Millisecond})
	os := w.Host("host").OS()
	events := make([]poller.Event, 1)
	for range 100_000 {
		if _, err := os.Wait(events, 0); err != nil {
			require.ErrorIs(t, err, sim.ErrHang)
			require.ErrorIs(t, w.RunFor(time.Second), sim.ErrHang, "and the world stays in order")
			return
		}
	}
	require.Fail(t, "no Wait has met the limit")
}

func TestWorldDoesNotRunInsideItsProgramsAndScripts(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Host("host").Go("program", func(poller.OS) error { return w.RunFor(time.Second) })
	w.At(time.Millisecond, func() {
		require.PanicsWithValue(t, "sim: Run, RunFor or Until inside a script", func() { _ = w.RunFor(time.Second) })
	})
	w.Host("other").Go("sleeper", tasks(func(ctx context.Context) error { return coro.Sleep(ctx, time.Minute) }))
	require.ErrorContains(t, w.Run(), "sim: Run, RunFor or Until inside a program")
}
