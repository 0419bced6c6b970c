package sim_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller/sim"
)

// How many messages a second do tasks pass over simulated connections? Each
// iteration is one message of 64 bytes there and its echo back, so two
// deliveries.
func BenchmarkMessage(b *testing.B) {
	for _, c := range []struct {
		name           string
		hosts, clients int
		link           sim.Conditions
	}{
		{"one host, one pair", 1, 1, sim.Conditions{}},
		{"one host, 100 pairs", 1, 100, sim.Conditions{}},
		{"two hosts, one pair", 2, 1, sim.Conditions{}},
		{"two hosts, 100 pairs", 2, 100, sim.Conditions{}},
		{"two hosts, 100 pairs, a millisecond apart", 2, 100, sim.Conditions{Latency: time.Millisecond, Jitter: time.Millisecond}},
		{"100 hosts, a millisecond apart", 100, 100, sim.Conditions{Latency: time.Millisecond, Jitter: time.Millisecond}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, sim.Config{Link: c.link})
			server := w.Host("server")
			server.Daemon("echo", tasks(echo))
			if err := w.RunFor(time.Millisecond); err != nil { // until it listens
				b.Fatal(err)
			}
			hosts := []*sim.Host{server}
			for i := 1; i < c.hosts; i++ {
				hosts = append(hosts, w.Host(string(rune('A'+i))))
			}
			for i := range c.clients {
				hosts[1%c.hosts+i%max(c.hosts-1, 1)].Go("client", tasks(func(ctx context.Context) error {
					conn, err := coro.Dial(ctx, "tcp", "server:7")
					if err != nil {
						return err
					}
					return pingPong(conn, b.N/c.clients+1)
				}))
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := w.Run(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(2*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

func pingPong(c net.Conn, n int) error {
	buf := make([]byte, 64)
	for range n {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	return c.Close()
}

// How many idle seconds pass in one? A thousand tasks sleep for ten seconds at
// a time, each at moments of its own; an iteration is one virtual second.
func BenchmarkIdleSecond(b *testing.B) {
	w := newWorld(b, sim.Config{Limit: 1 << 62})
	idle(w, b.N)
	b.ReportAllocs()
	b.ResetTimer()
	_ = w.Run()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "virtual-s/s")
}

// idle is a host on which a thousand tasks sleep for ten seconds at a time.
func idle(w *sim.World, seconds int) {
	end := time.Duration(seconds) * time.Second
	w.Host("host").Go("sleepers", tasks(func(ctx context.Context) error {
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			for i := range 1000 {
				if err := s.Go(func(ctx context.Context) error {
					err := coro.Sleep(ctx, time.Duration(i)*10*time.Millisecond)
					for err == nil && w.Elapsed() < end {
						err = coro.Sleep(ctx, 10*time.Second)
					}
					return err
				}); err != nil {
					return err
				}
			}
			return nil
		})
	}))
}
