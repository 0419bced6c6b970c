package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// pair is a world of two hosts. The server's handler runs once for each
// connection, the client's program once it can connect.
func pair(t *testing.T, c sim.Config, serve func(ctx context.Context, c net.Conn) error, dial func(ctx context.Context, c *coro.Conn) error) (w *sim.World, server, client *sim.Host) {
	t.Helper()
	w = newWorld(t, c)
	server, client = w.Host("server"), w.Host("client")
	server.Daemon("serve", serving(serve))
	require.NoError(t, w.RunFor(time.Millisecond))
	client.Go("dial", dialing(dial))
	return w, server, client
}

// serving is a program that serves on port 7.
func serving(handler func(ctx context.Context, c net.Conn) error) func(poller.OS) error {
	return tasks(func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", ":7")
		if err != nil {
			return err
		}
		return coro.Serve(ctx, ln, handler)
	})
}

// dialing is a program with a connection to port 7 of the host "server".
func dialing(use func(ctx context.Context, c *coro.Conn) error) func(poller.OS) error {
	return tasks(func(ctx context.Context) error {
		c, err := coro.Dial(ctx, "tcp", "server:7")
		if err != nil {
			return err
		}
		defer c.Close()
		return use(ctx, c)
	})
}

func discard(_ context.Context, c net.Conn) error {
	_, err := io.Copy(io.Discard, c)
	return err
}

func TestLinkTakesItsLatency(t *testing.T) {
	w, server, client := pair(t, sim.Config{}, func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(c, c)
		return err
	}, func(_ context.Context, c *coro.Conn) error { return pingPong(c, 10) })
	w.Link(server, client).SetFrom(client, sim.Conditions{Latency: 30 * time.Millisecond})
	w.Link(server, client).SetFrom(server, sim.Conditions{Latency: 70 * time.Millisecond})
	require.NoError(t, w.Run())
	require.Equal(t, 1100*time.Millisecond, w.Elapsed().Truncate(10*time.Millisecond), "a handshake and 10 round trips of 100 ms")
}

func TestLinkIsAsFastAsItsBandwidth(t *testing.T) {
	var took time.Duration
	var w *sim.World
	w, server, client := pair(t, sim.Config{}, func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(io.Discard, c)
		took = w.Elapsed()
		return err
	}, func(_ context.Context, c *coro.Conn) error {
		if _, err := c.Write(make([]byte, 10<<20)); err != nil {
			return err
		}
		if err := c.CloseWrite(); err != nil {
			return err
		}
		_, err := io.ReadAll(c)
		return err
	})
	w.Link(server, client).Set(sim.Conditions{Bandwidth: 1 << 20})
	require.NoError(t, w.Run())
	require.Equal(t, 10*time.Second, took.Truncate(100*time.Millisecond), "10 MiB at 1 MiB a second")
}

func TestStreamStaysInOrderOverALossyJumpyLink(t *testing.T) {
	for seed := range uint64(20) {
		var got []byte
		sent := make([]byte, 300_000)
		for i := range sent {
			sent[i] = byte(i ^ i>>8 ^ i>>16)
		}
		w, server, client := pair(t, sim.Config{Seed: seed, Dials: sim.Freedoms()}, func(_ context.Context, c net.Conn) (err error) {
			got, err = io.ReadAll(c)
			if err == nil {
				_, err = c.Write([]byte("done"))
			}
			return err
		}, func(_ context.Context, c *coro.Conn) error {
			if _, err := c.Write(sent); err != nil {
				return err
			}
			if err := c.CloseWrite(); err != nil {
				return err
			}
			_, err := io.ReadAll(c)
			return err
		})
		w.Link(server, client).Set(sim.Conditions{Latency: time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.2})
		require.NoError(t, w.Run(), "seed %d", seed)
		require.Equal(t, sent, got, "seed %d", seed)
	}
}

func TestCutLinkHealsWithTheNextRepetition(t *testing.T) {
	w, server, client := pair(t, sim.Config{}, func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(c, c)
		return err
	}, func(ctx context.Context, c *coro.Conn) error {
		if err := pingPong2(c, 1); err != nil {
			return err
		}
		if err := coro.Sleep(ctx, time.Second); err != nil {
			return err
		}
		return pingPong2(c, 1)
	})
	link := w.Link(server, client)
	w.At(500*time.Millisecond, link.Cut)
	w.At(10*time.Second, link.Heal)
	require.NoError(t, w.Run())
	require.Greater(t, w.Elapsed(), 10*time.Second)
	require.Less(t, w.Elapsed(), 25*time.Second, "the repetitions double, so the next one comes within as long again")
}

func TestCutLinkTimesAWriterOut(t *testing.T) {
	for _, from := range []string{"the sender", "the receiver"} {
		t.Run("cut from "+from, func(t *testing.T) {
			w, server, client := pair(t, sim.Config{}, discard, func(ctx context.Context, c *coro.Conn) error {
				if err := coro.Sleep(ctx, time.Second); err != nil {
					return err
				}
				if _, err := c.Write([]byte("x")); err != nil {
					return err
				}
				_, err := c.Read(make([]byte, 1))
				return err
			})
			w.At(500*time.Millisecond, func() {
				if from == "the sender" {
					w.Link(server, client).CutFrom(client)
				} else {
					w.Link(server, client).CutFrom(server)
				}
			})
			require.ErrorIs(t, w.Run(), syscall.ETIMEDOUT)
			require.Greater(t, w.Elapsed(), 15*time.Minute)
		})
	}
}

func TestPartitionSeparatesGroups(t *testing.T) {
	w := newWorld(t, sim.Config{})
	a, b, c := w.Host("a"), w.Host("b"), w.Host("c")
	for _, h := range []*sim.Host{a, b, c} {
		h.Daemon("echo", tasks(echo))
	}
	require.NoError(t, w.RunFor(time.Millisecond))
	w.Partition(a, b)
	results := map[string]error{}
	for _, to := range []string{"b", "c"} {
		a.Go("to "+to, tasks(func(ctx context.Context) error {
			_, results[to] = ask(ctx, to, "hello")
			return nil
		}))
	}
	require.NoError(t, w.Run())
	require.NoError(t, results["b"], "inside the group")
	require.ErrorIs(t, results["c"], syscall.ETIMEDOUT, "across")
	require.Greater(t, w.Elapsed(), 127*time.Second, "a SYN is repeated for 127 s")
}

func TestLinkForgetsItsConnections(t *testing.T) {
	var atServer error
	w, server, client := pair(t, sim.Config{}, func(_ context.Context, c net.Conn) error {
		_, atServer = c.Read(make([]byte, 1))
		return nil
	}, func(ctx context.Context, c *coro.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return errors.Join(err, coro.Sleep(ctx, time.Second)) // the server notices, too
	})
	w.At(time.Second, w.Link(server, client).Reset)
	require.ErrorIs(t, w.Run(), syscall.ECONNRESET)
	require.Equal(t, 2*time.Second, w.Elapsed().Truncate(time.Millisecond))
	require.ErrorIs(t, atServer, syscall.ECONNRESET)
}

// pingPong2 is pingPong that leaves the connection open.
func pingPong2(c net.Conn, n int) error {
	buf := make([]byte, 64)
	for range n {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	return nil
}

func TestPartitionHeals(t *testing.T) {
	for seed := range uint64(10) {
		sent := numbered(1 << 20)
		var got []byte
		w, server, client := pair(t, sim.Config{Seed: seed, Link: sim.Conditions{Latency: 10 * time.Millisecond, Bandwidth: 100 << 10}},
			func(_ context.Context, c net.Conn) (err error) {
				got, err = io.ReadAll(c)
				return err
			}, func(_ context.Context, c *coro.Conn) error {
				if _, err := c.Write(sent); err != nil {
					return err
				}
				if err := c.CloseWrite(); err != nil {
					return err
				}
				_, err := io.ReadAll(c)
				return err
			})
		link := w.Link(server, client)
		// Cut for a while in both directions, then in the one of the bytes, then
		// in the one of their acknowledgements.
		for i, cut := range []func(){func() { w.Partition(server) }, func() { link.CutFrom(client) }, func() { link.CutFrom(server) }} {
			w.At(time.Duration(1+20*i)*time.Second, cut)
			w.At(time.Duration(11+20*i)*time.Second, w.Heal)
		}
		require.NoError(t, w.Run(), "seed %d", seed)
		require.Equal(t, sent, got, "seed %d", seed)
		require.Greater(t, w.Elapsed(), 30*time.Second)
	}
}

func TestLinkForgetsConnectionsThatNobodyHasAccepted(t *testing.T) {
	for seed := range uint64(10) { // a connection that died in the queue is handed out or not
		w := newWorld(t, sim.Config{Seed: seed, Link: sim.Conditions{Latency: time.Millisecond}})
		server, client := w.Host("server"), w.Host("client")
		server.Daemon("late", tasks(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			if err := coro.Sleep(ctx, 2*time.Second); err != nil {
				return err
			}
			c, err := ln.Accept()
			if err != nil {
				return err
			}
			if _, err = c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				return fmt.Errorf("read: %w", err)
			}
			return nil
		}))
		require.NoError(t, w.RunFor(time.Millisecond))
		client.Go("dial", dialing(func(ctx context.Context, c *coro.Conn) error {
			_, err := c.Read(make([]byte, 1))
			return errors.Join(err, coro.Sleep(ctx, 3*time.Second))
		}))
		w.At(time.Second, w.Link(server, client).Reset)
		w.At(3*time.Second, func() {
			var report strings.Builder
			w.Report(&report)
			require.NotContains(t, report.String(), "open 10.0.0.1:7", "seed %d: half of a connection", seed)
		})
		require.ErrorIs(t, w.Run(), syscall.ECONNRESET)
	}
}
