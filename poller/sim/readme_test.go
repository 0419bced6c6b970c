package sim_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// What README.md shows is in this file; a test of the examples compares the two.

// serveLengths answers each line with its length, and lets go of who says nothing
// for a minute.
func serveLengths(ctx context.Context) error {
	ln, err := coro.Listen(ctx, "tcp", ":7")
	if err != nil {
		return err
	}
	return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
		lines := bufio.NewScanner(c)
		for c.SetReadDeadline(time.Now().Add(time.Minute)) == nil && lines.Scan() {
			if _, err := fmt.Fprintln(c, len(lines.Text())); err != nil {
				return err
			}
		}
		return lines.Err()
	})
}

// on makes main a program for a simulated host.
func on(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}}.Run(context.Background(), main)
	}
}

func TestServerLetsGoOfTheSilent(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("serve", on(serveLengths))
		require.NoError(t, w.RunFor(time.Millisecond)) // until it listens

		w.Host("client").Go("ask", on(func(ctx context.Context) error {
			c, err := coro.Dial(ctx, "tcp", "server:7")
			if err != nil {
				return err
			}
			defer c.Close()
			fmt.Fprintln(c, "hello")
			answers := bufio.NewScanner(c)
			require.True(t, answers.Scan())
			require.Equal(t, "5", answers.Text())

			begin := time.Now() // virtual, as everything here
			require.False(t, answers.Scan(), "nothing more, and then the end")
			require.WithinDuration(t, begin.Add(time.Minute), time.Now(), time.Second)
			return nil
		}))
	})
}

func TestServerInABadNetwork(t *testing.T) {
	config := sim.Config{
		Dials: sim.Freedoms(), // whatever a kernel may do, it does
		Link:  sim.Conditions{Latency: 20 * time.Millisecond, Jitter: 30 * time.Millisecond, Loss: 0.05},
	}
	config.Test(t, func(t *testing.T, w *sim.World) {
		server := w.Host("server")
		server.Daemon("serve", on(serveLengths))
		for i := range 20 {
			w.Host(fmt.Sprint("client", i)).Go("ask", on(func(ctx context.Context) error {
				for context.Cause(ctx) == nil {
					if answer, _ := askLength(ctx, "hello"); answer != "" {
						require.Equal(t, "5", answer)
						return nil
					}
					_ = coro.Sleep(ctx, time.Second) // and once more
				}
				return context.Cause(ctx)
			}))
		}
		w.At(50*time.Millisecond, server.Crash)
		w.At(5*time.Second, server.Restart)
		require.NoError(t, w.Run()) // a deadlock would be an error, too
	})
}

// askLength is one question; no answer is an error, or an empty one.
func askLength(ctx context.Context, line string) (answer string, err error) {
	c, err := coro.Dialer{Timeout: 10 * time.Second}.Dial(ctx, "tcp", "server:7")
	if err != nil {
		return "", err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(c, line)
	answers := bufio.NewScanner(c)
	answers.Scan()
	return answers.Text(), answers.Err()
}

// tellTheTime answers each datagram with its first byte and the time.
func tellTheTime(ctx context.Context) error {
	c, err := coro.ListenPacket(ctx, "udp", ":37")
	if err != nil {
		return err
	}
	defer c.Close()
	p := make([]byte, 100)
	for {
		n, from, err := c.ReadFrom(p)
		if err != nil {
			return err
		}
		answer := append(p[:min(n, 1)], time.Now().UTC().Format(time.RFC3339)...)
		if _, err := c.WriteTo(answer, from); err != nil {
			return err
		}
	}
}

// askTheTime asks until it is answered.
func askTheTime(ctx context.Context, number byte) (answer string, err error) {
	c, err := coro.DialPacket(ctx, "udp", "server:37")
	if err != nil {
		return "", err
	}
	defer c.Close()
	p := make([]byte, 100)
	for {
		if _, err := c.Write([]byte{number}); err != nil {
			return "", err
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Second))
		switch n, err := c.Read(p); {
		case err == nil && n > 0 && p[0] == number:
			return string(p[1:n]), nil
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return "", err
		}
	}
}

func TestTimeIsToldInABadNetwork(t *testing.T) {
	config := sim.Config{Link: sim.Conditions{Latency: 10 * time.Millisecond,
		DatagramLoss: 0.3, DatagramDuplicates: 0.3, DatagramReorder: 0.3}}
	config.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("tell", on(tellTheTime))
		require.NoError(t, w.RunFor(time.Millisecond))
		client := w.Host("client")
		client.Go("ask", on(func(ctx context.Context) error {
			for number := range byte(100) {
				answer, err := askTheTime(ctx, number)
				require.NoError(t, err)
				require.Contains(t, answer, "2000-01-01")
			}
			return nil
		}))
		require.NoError(t, w.Run())
		require.NotZero(t, client.Datagrams().Lost, "questions were lost")
	})
}
