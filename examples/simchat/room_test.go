package simchat_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/simchat"
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

const (
	guests   = 12
	messages = 60 // of each, over an hour
)

// An hour in a bad network. Each seed is another hour:
//
//	go test ./examples/simchat -weft.runs=100
func TestRoomKeepsItsWordForAnHour(t *testing.T) {
	config := sim.Config{
		Dials: sim.Freedoms(),
		Link:  sim.Conditions{Latency: 30 * time.Millisecond, Jitter: 50 * time.Millisecond, Bandwidth: 10_000, Loss: 0.05},
	}
	config.Test(t, func(t *testing.T, w *sim.World) {
		var log simchat.Log
		server := w.Host("server")
		server.Daemon("room", on(func(ctx context.Context) error {
			ln, err := coro.Listen(ctx, "tcp", ":7")
			if err != nil {
				return err
			}
			return coro.Serve(ctx, ln, simchat.NewRoom(&log).Serve)
		}))

		var all []*simchat.Guest
		var hosts []*sim.Host
		for i := range guests {
			g := &simchat.Guest{Nick: fmt.Sprint("guest", i), Room: "server:7"}
			h := w.Host(g.Nick)
			all, hosts = append(all, g), append(hosts, h)
			h.Go("guest", on(func(ctx context.Context) error { return live(ctx, w, g) }))
		}

		w.Link(hosts[0], server).SetFrom(server, sim.Conditions{Bandwidth: 100}) // who reads slowly
		w.At(10*time.Minute, func() { w.Partition(hosts[1:5]...) })
		w.At(13*time.Minute, w.Heal)
		w.At(20*time.Minute, func() { w.Link(hosts[6], server).Reset() })
		w.At(25*time.Minute, server.Crash)
		w.At(27*time.Minute, server.Restart)
		w.At(40*time.Minute, func() { w.Link(hosts[7], server).CutFrom(server) }) // is heard, and does not hear
		w.At(42*time.Minute, w.Heal)
		w.At(50*time.Minute, hosts[8].Pause)
		w.At(52*time.Minute, hosts[8].Resume)
		require.NoError(t, w.Run())

		require.GreaterOrEqual(t, w.Elapsed(), 40*time.Minute)
		next := map[string]int{}
		for _, l := range log.Lines {
			next[l.Nick]++
			require.Equal(t, next[l.Nick], l.Number, "what %s says is in the log once, and in order", l.Nick)
			require.Equal(t, fmt.Sprint("message ", l.Number), l.Text)
		}
		for _, g := range all {
			require.Equal(t, messages, g.Acked, "acknowledged to %s", g.Nick)
			require.GreaterOrEqual(t, next[g.Nick], g.Acked, "%s: in the log", g.Nick)
			require.Equal(t, log.Lines, g.Heard, "%s hears all, once", g.Nick)
		}
	})
}

// live is a guest's hour: it says something every minute or so, and stays until
// it has heard everybody.
func live(ctx context.Context, w *sim.World, g *simchat.Guest) error {
	return coro.WithScope(ctx, func(s *coro.Scope) error {
		if err := s.Daemon(g.Stay); err != nil {
			return err
		}
		for n := range messages {
			if err := coro.Sleep(ctx, time.Duration(w.Rand().Int64N(int64(2*time.Minute)))); err != nil {
				return err
			}
			if err := g.Say(ctx, fmt.Sprint("message ", n+1)); err != nil {
				return err
			}
		}
		for g.Acked < messages || len(g.Heard) < guests*messages {
			if err := coro.Sleep(ctx, time.Second); err != nil {
				return err
			}
		}
		return nil
	})
}
