package main

import (
	"bufio"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// on is a program for a simulated host: main, on a loop of tasks.
func on(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}}.Run(context.Background(), main)
	}
}

// asker is a client on a simulated host.
type asker struct {
	t    *testing.T
	conn *coro.Conn
	in   *bufio.Reader
}

func (a asker) asks(words ...string) string {
	_, err := a.conn.Write([]byte(request(words...)))
	require.NoError(a.t, err)
	answer, err := readAnswer(a.in)
	require.NoError(a.t, err)
	return answer
}

// simulate runs a server and a client, for as long as the client takes.
func simulate(t *testing.T, config sim.Config, ask func(ctx context.Context, a asker)) {
	config.Test(t, func(t *testing.T, w *sim.World) {
		w.Host("server").Daemon("redis", on(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			return serve(ctx, ln, limits{maxBulk: defaultMaxBulk, maxClients: defaultMaxClients})
		}))
		require.NoError(t, w.RunFor(time.Millisecond)) // until it listens
		w.Host("client").Go("ask", on(func(ctx context.Context) error {
			c, err := coro.Dial(ctx, "tcp", "server:7")
			if err != nil {
				return err
			}
			defer c.Close()
			ask(ctx, asker{t, c, bufio.NewReader(c)})
			return nil
		}))
	})
}

// An hour of keys that end takes no time.
func TestRedisKeysEnd(t *testing.T) {
	simulate(t, sim.Config{}, func(ctx context.Context, a asker) {
		require.Equal(t, "+OK\r\n", a.asks("SET", "a", "1", "EX", "10"))
		require.Equal(t, "+OK\r\n", a.asks("SET", "b", "1", "PX", "1500"))
		require.Equal(t, "+OK\r\n", a.asks("SET", "c", "1", "EX", "10"))
		require.Equal(t, ":1\r\n", a.asks("EXPIRE", "c", "3600"))
		require.Equal(t, "+OK\r\n", a.asks("SET", "d", "1", "EX", "10"))
		require.Equal(t, ":1\r\n", a.asks("PERSIST", "d"))
		require.Equal(t, "+OK\r\n", a.asks("SET", "e", "1", "EX", "10"))
		require.Equal(t, "+OK\r\n", a.asks("SET", "e", "2")) // which takes the end away
		require.Equal(t, ":2\r\n", a.asks("TTL", "b"), "rounded")
		require.NoError(t, coro.Sleep(ctx, time.Second))
		require.Equal(t, bulk("1"), a.asks("GET", "b"))
		require.NoError(t, coro.Sleep(ctx, 600*time.Millisecond))
		require.Equal(t, "$-1\r\n", a.asks("GET", "b"))
		require.Equal(t, ":8\r\n", a.asks("TTL", "a"))
		require.Equal(t, bulk("1"), a.asks("GET", "a"))
		require.NoError(t, coro.Sleep(ctx, 9*time.Second))
		require.Equal(t, ":3\r\n", a.asks("EXISTS", "a", "b", "c", "d", "e"))
		require.NoError(t, coro.Sleep(ctx, time.Hour))
		require.Equal(t, ":2\r\n", a.asks("EXISTS", "a", "b", "c", "d", "e"))
		require.Equal(t, "*0\r\n", a.asks("KEYS", "[abc]"))
	})
}

// Keys that nobody asks for end too, all at once if they must, and give the others
// their turn.
func TestRedisRemovesKeysNobodyAsksFor(t *testing.T) {
	const keys = 10 * expireAtOnce
	simulate(t, sim.Config{}, func(ctx context.Context, a asker) {
		for n := range keys {
			require.Equal(t, "+OK\r\n", a.asks("SET", fmt.Sprint(n), "1", "PX", "60000"))
		}
		require.Equal(t, fmt.Sprintf(":%d\r\n", keys), a.asks("DBSIZE"))
		require.NoError(t, coro.Sleep(ctx, time.Minute+2*expireEvery))
		require.Equal(t, ":0\r\n", a.asks("DBSIZE"), "which does not look at the clock")
		require.Contains(t, a.asks("INFO", "stats"), fmt.Sprintf("expired_keys:%d\r\n", keys))
	})
}

// Whatever the network does to it, INCR counts each request once.
func TestRedisCountsInABadNetwork(t *testing.T) {
	config := sim.Config{
		Dials: sim.Freedoms(),
		Link:  sim.Conditions{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02},
	}
	simulate(t, config, func(ctx context.Context, a asker) {
		const commands = 500
		require.NoError(t, coro.WithScope(ctx, func(s *coro.Scope) error {
			require.NoError(t, s.Go(func(context.Context) error {
				for range commands {
					if _, err := a.conn.Write([]byte(request("INCR", "n"))); err != nil {
						return err
					}
				}
				return nil
			}))
			for n := range commands {
				answer, err := readAnswer(a.in)
				require.NoError(t, err)
				require.Equal(t, fmt.Sprintf(":%d\r\n", n+1), answer)
			}
			return nil
		}))
	})
}
