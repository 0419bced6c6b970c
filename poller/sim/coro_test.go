package sim_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// tasks is a program whose loop runs tasks.
func tasks(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}, Logger: slog.New(slog.DiscardHandler)}.Run(context.Background(), main)
	}
}

// echo is a server that answers with what it is sent.
func echo(ctx context.Context) error {
	ln, err := coro.Listen(ctx, "tcp", ":7")
	if err != nil {
		return err
	}
	return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(c, c)
		return err
	})
}

// ask sends a question to the echo server of a host, and waits for the answer.
func ask(ctx context.Context, host, question string) (string, error) {
	c, err := coro.Dial(ctx, "tcp", host+":7")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err = c.Write([]byte(question)); err == nil {
		err = c.CloseWrite()
	}
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}

func newWorld(t testing.TB, c sim.Config) *sim.World {
	w := sim.New(c)
	t.Cleanup(w.Close)
	return w
}

func TestProgramRunsTasksUnchanged(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 1, Link: sim.Conditions{Latency: 10 * time.Millisecond}})
	w.Host("server").Daemon("echo", tasks(echo))
	var answer string
	var took time.Duration
	w.Host("client").Go("ask", tasks(func(ctx context.Context) error {
		begin := w.Elapsed()
		var err error
		answer, err = ask(ctx, "server", "are you there?")
		took = w.Elapsed() - begin
		return err
	}))
	require.NoError(t, w.Run())
	require.Equal(t, "are you there?", answer)
	require.Greater(t, took, 40*time.Millisecond, "two round trips of 20 ms: handshake, question and answer")
	require.Less(t, took, 42*time.Millisecond, "two round trips of 20 ms: handshake, question and answer")
}

func TestClockJumpsWhileEverybodySleeps(t *testing.T) {
	w := newWorld(t, sim.Config{})
	var woke []time.Duration
	w.Host("host").Go("sleeper", tasks(func(ctx context.Context) error {
		for range 3 {
			if err := coro.Sleep(ctx, time.Hour); err != nil {
				return err
			}
			woke = append(woke, w.Elapsed().Truncate(time.Minute))
		}
		return nil
	}))
	require.NoError(t, w.Run())
	require.Equal(t, []time.Duration{time.Hour, 2 * time.Hour, 3 * time.Hour}, woke)
}

func TestHostsRunSideBySide(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 7, Link: sim.Conditions{Latency: time.Millisecond, Jitter: time.Millisecond}, Dials: sim.Freedoms()})
	w.Host("server").Daemon("echo", tasks(echo))
	const clients = 50
	answers := 0
	for i := range clients {
		w.Host(string(rune('A'+i))).Go("ask", tasks(func(ctx context.Context) error {
			for range 5 {
				answer, err := ask(ctx, "server", "hello")
				if err != nil {
					return err
				}
				if answer != "hello" {
					return errors.New("answer: " + answer)
				}
				answers++
			}
			return nil
		}))
	}
	require.NoError(t, w.Run())
	require.Equal(t, 5*clients, answers)
}
