package main

import (
	"bytes"
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
	"github.com/weft-go/weft/reactor"
)

// network is a simulated proxy, with two echo servers, "a" and "b", behind it. What
// they send begins with their name.
type network struct {
	*sim.World
	t     *testing.T
	proxy *proxy
	hosts map[string]*sim.Host
	said  []string
}

// on is a program for a simulated host: main, on a loop of tasks.
func on(main func(ctx context.Context) error) func(poller.OS) error {
	return func(os poller.OS) error {
		return coro.Config{Reactor: reactor.Options{OS: os}}.Run(context.Background(), main)
	}
}

func testOptions() options {
	return options{
		addr: ":7", upstreams: []string{"a:7", "b:7"}, connectTimeout: time.Second, maxConns: 100,
		checks: checks{interval: time.Second, timeout: time.Second, fall: 2, rise: 2},
	}
}

func newNetwork(t *testing.T, w *sim.World, o options, echo func(ctx context.Context, name string, c net.Conn) error) *network {
	n := &network{World: w, t: t, hosts: map[string]*sim.Host{}}
	n.proxy = newProxy(o, func(line string) { n.said = append(n.said, line) })
	for _, name := range []string{"a", "b"} {
		n.hosts[name] = w.Host(name)
		n.hosts[name].Daemon("serve", on(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			return coro.Serve(ctx, ln, func(ctx context.Context, c net.Conn) error { return echo(ctx, name, c) })
		}))
	}
	n.hosts["proxy"] = w.Host("proxy")
	n.hosts["proxy"].Daemon("proxy", on(func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", o.addr)
		if err != nil {
			return err
		}
		return n.proxy.serve(ctx, ln)
	}))
	return n
}

// namedEcho tells who it is and then echoes, up to the end.
func namedEcho(_ context.Context, name string, c net.Conn) error {
	if _, err := io.WriteString(c, name); err != nil {
		return err
	}
	_, err := io.Copy(c, c)
	return err
}

// client runs a client, and the world until it has ended.
func (n *network) client(main func(ctx context.Context) error) {
	n.t.Helper()
	n.Host("client").Go("client", on(main))
	require.NoError(n.t, n.Run())
}

// ask sends a question, ends its side, and returns the whole answer.
func ask(ctx context.Context, question string) (string, error) {
	c, err := coro.Dial(ctx, "tcp", "proxy:7")
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := io.WriteString(c, question); err != nil {
		return "", err
	}
	if err := c.CloseWrite(); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}

// In a network that delays, loses and cuts up everything, each client's bytes and
// its half-close come through, and go round the upstreams.
func TestProxyPassesEverythingOn(t *testing.T) {
	config := sim.Config{
		Dials: sim.Freedoms(),
		Link:  sim.Conditions{Latency: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02},
	}
	config.Test(t, func(t *testing.T, w *sim.World) {
		o := testOptions()
		o.connectTimeout, o.checks.timeout = time.Minute, time.Minute // SYNs are lost too
		n := newNetwork(t, w, o, namedEcho)
		answers := map[string]int{}
		n.client(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			return coro.WithScope(ctx, func(s *coro.Scope) error {
				for i := range 20 {
					question := strings.Repeat(fmt.Sprint(i, " "), 10_000)
					err := s.Go(func(ctx context.Context) error {
						answer, err := ask(ctx, question)
						if err != nil {
							return err
						}
						require.True(t, answer[1:] == question, "an echo of %d bytes: got %d, or others", len(question), len(answer))
						answers[answer[:1]]++
						return nil
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
		})
		require.Equal(t, map[string]int{"a": 10, "b": 10}, answers)
		require.Empty(t, n.proxy.sessions)
		require.Zero(t, n.proxy.counts.broken)
		var report bytes.Buffer
		n.proxy.report(&report)
		require.Contains(t, report.String(), "20 accepted, 0 without an upstream, 0 idle too long, 0 broken off")
	})
}

// A partition: the first client waits for the connect timeout and has the other one
// then; checks take the upstream down, and bring it back when the network has healed.
func TestProxyPassesOverAPartition(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		o := testOptions()
		o.checks.fall = 3
		n := newNetwork(t, w, o, namedEcho)
		w.At(10*time.Second, func() { w.Partition(n.hosts["a"]) })
		w.At(30*time.Second, w.Heal)
		n.client(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, 10*time.Second+time.Millisecond); err != nil {
				return err
			}
			begin := w.Elapsed()
			answer, err := ask(ctx, "x")
			require.NoError(t, err)
			require.Equal(t, "bx", answer)
			require.Equal(t, o.connectTimeout, (w.Elapsed() - begin).Truncate(10*time.Millisecond))
			if err := coro.Sleep(ctx, 10*time.Second); err != nil {
				return err
			}
			require.Equal(t, down, n.proxy.pool.upstreams[0].state)
			for range 4 {
				begin = w.Elapsed()
				answer, err = ask(ctx, "x")
				require.NoError(t, err)
				require.Equal(t, "bx", answer)
				require.Less(t, w.Elapsed()-begin, time.Second, "an upstream that is down is not tried")
			}
			if err := coro.Sleep(ctx, 20*time.Second); err != nil {
				return err
			}
			names := ""
			for range 4 {
				answer, err = ask(ctx, "")
				require.NoError(t, err)
				names += answer
			}
			require.Contains(t, []string{"abab", "baba"}, names)
			return nil
		})
		require.Len(t, n.said, 2)
		require.Contains(t, n.said[0], "upstream a:7 is down")
		require.Contains(t, n.said[1], "upstream a:7 is up")
	})
}

// An upstream at the end of a slow line: its client gets everything, in the time that
// the line takes and without being taken for idle, and others get theirs from the other
// one meanwhile.
func TestProxyWithASlowUpstream(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		o := testOptions()
		o.idleTimeout, o.checks.interval = 20*time.Second, 0
		n := newNetwork(t, w, o, func(_ context.Context, name string, c net.Conn) error {
			question, err := io.ReadAll(c)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(c, name, len(question))
			return err
		})
		w.Link(n.hosts["proxy"], n.hosts["a"]).Set(sim.Conditions{Latency: 200 * time.Millisecond, Bandwidth: 10_000})
		question := strings.Repeat("slow", 250_000) // 100 s
		n.client(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			return coro.WithScope(ctx, func(s *coro.Scope) error {
				err := s.Go(func(ctx context.Context) error {
					answer, err := ask(ctx, question)
					require.NoError(t, err)
					require.Equal(t, "a1000000", answer)
					require.Greater(t, w.Elapsed(), 100*time.Second)
					return nil
				})
				if err != nil {
					return err
				}
				if err := coro.Sleep(ctx, time.Second); err != nil {
					return err
				}
				n.proxy.pool.next = 1
				begin := w.Elapsed()
				answer, err := ask(ctx, question)
				require.NoError(t, err)
				require.Equal(t, "b1000000", answer)
				require.Less(t, w.Elapsed()-begin, time.Second)
				return nil
			})
		})
		require.Zero(t, n.proxy.counts.idle)
	})
}

// A client that never reads holds what its connection's buffers hold, and no more.
func TestProxyIsBoundedByAClientThatNeverReads(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		const size = 8 << 20
		sent := 0
		o := testOptions()
		o.checks.interval = 0 // or each check would be sent something too
		n := newNetwork(t, w, o, func(_ context.Context, _ string, c net.Conn) error {
			for sent < size {
				k, err := c.Write(make([]byte, 10_000))
				sent += k
				if err != nil {
					return err
				}
			}
			return nil
		})
		n.client(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			c, err := coro.Dial(ctx, "tcp", "proxy:7")
			if err != nil {
				return err
			}
			if err := coro.Sleep(ctx, time.Hour); err != nil {
				return err
			}
			// Two connections of 64 KiB at either end, and one buffer of 32 KiB.
			require.Less(t, sent, 4*64<<10+32<<10+10_000, "bytes that the upstream could send")
			k, err := io.Copy(io.Discard, c)
			require.EqualValues(t, sent, k)
			return err
		})
	})
}

// An upstream that dies, and a link that resets: the client is told so, and not by
// an end that looks like one.
func TestProxyPassesAResetOn(t *testing.T) {
	for name, cut := range map[string]func(n *network){
		"of the upstream": func(n *network) { n.Link(n.hosts["proxy"], n.hosts["a"]).Reset() },
		"of the client":   func(n *network) { n.Link(n.hosts["proxy"], n.hosts["client"]).Reset() },
	} {
		t.Run(name, func(t *testing.T) {
			sim.Test(t, func(t *testing.T, w *sim.World) {
				o := testOptions()
				o.upstreams = o.upstreams[:1]
				var atUpstream error
				n := newNetwork(t, w, o, func(_ context.Context, _ string, c net.Conn) error {
					if _, err := io.WriteString(c, "a"); err != nil {
						return err
					}
					_, err := c.Read(make([]byte, 1))
					if !errors.Is(err, io.EOF) { // a check ends so
						atUpstream = err
					}
					return nil
				})
				n.hosts["client"] = w.Host("client")
				w.At(10*time.Second, func() { cut(n) })
				n.hosts["client"].Go("client", on(func(ctx context.Context) error {
					if err := coro.Sleep(ctx, time.Second); err != nil {
						return err
					}
					c, err := coro.Dial(ctx, "tcp", "proxy:7")
					if err != nil {
						return err
					}
					_, err = io.ReadAll(c)
					require.ErrorIs(t, err, syscall.ECONNRESET)
					return coro.Sleep(ctx, time.Second)
				}))
				require.NoError(t, w.Run())
				require.ErrorIs(t, atUpstream, syscall.ECONNRESET)
				require.Equal(t, 1, n.proxy.counts.broken)
				require.Empty(t, n.proxy.sessions)
			})
		})
	}
}

// Idle is a session on which nothing moves in either direction; one that is slow is
// not.
func TestProxyEndsIdleSessions(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		o := testOptions()
		o.idleTimeout = time.Minute
		n := newNetwork(t, w, o, namedEcho)
		n.client(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
			c, err := coro.Dial(ctx, "tcp", "proxy:7")
			if err != nil {
				return err
			}
			for range 10 {
				if err := coro.Sleep(ctx, 50*time.Second); err != nil {
					return err
				}
				if _, err := io.WriteString(c, "x"); err != nil {
					return err
				}
			}
			begin := w.Elapsed()
			_, err = io.ReadAll(c)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			took := w.Elapsed() - begin
			require.GreaterOrEqual(t, took, time.Minute)
			require.Less(t, took, time.Minute+2*time.Minute/sweepsPerTimeout)
			return nil
		})
		require.Equal(t, 1, n.proxy.counts.idle)
	})
}

// With no upstream left a client is reset at once.
func TestProxyWithoutAnUpstream(t *testing.T) {
	sim.Test(t, func(t *testing.T, w *sim.World) {
		n := newNetwork(t, w, testOptions(), namedEcho)
		w.At(time.Second, func() { n.hosts["a"].Crash(); n.hosts["b"].Crash() })
		n.client(func(ctx context.Context) error {
			if err := coro.Sleep(ctx, time.Minute); err != nil {
				return err
			}
			_, err := ask(ctx, "x")
			require.ErrorIs(t, err, syscall.ECONNRESET)
			return nil
		})
		require.Equal(t, 1, n.proxy.counts.refused)
	})
}
