package main

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller/sim"
)

// guest is a client of the room that comes back until it has said everything.
type guest struct {
	name  string
	said  int          // how many of its lines it has heard itself
	heard map[int]bool // by number of the line
	tries int
}

func (g *guest) stay(ctx context.Context, lines int, enough func() bool) error {
	for !enough() {
		g.tries++
		_ = g.visit(ctx, lines, enough)
		if err := coro.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}

// silence is how long a guest waits for a sign of life. The server is not obliged
// to give one: this is about the guest's side of a partition.
const silence = 2 * (pingAfter + answerWithin)

// visit is one connection: it says its next line when it has heard the one before.
func (g *guest) visit(ctx context.Context, lines int, enough func() bool) error {
	c, both, err := join(ctx, g.name)
	if err != nil {
		return err
	}
	defer c.Close()
	say := func() error {
		if g.said == lines {
			return nil
		}
		return wsutil.WriteClientText(c, fmt.Appendf(nil, "%s %d", g.name, g.said))
	}
	for first := true; !enough(); first = false {
		if err := c.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return err
		}
		text, err := wsutil.ReadServerText(both) // answers pings
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal(text, &e); err != nil {
			return err
		}
		if e.Kind == "said" {
			g.heard[e.Number] = true
			if e.Text == fmt.Sprintf("%s %d", g.name, g.said) {
				g.said++
				if err := coro.Sleep(ctx, 3*time.Second); err != nil {
					return err
				}
				if err := say(); err != nil {
					return err
				}
			}
		}
		if first {
			if err := say(); err != nil {
				return err
			}
		}
	}
	return wsutil.WriteClientMessage(c, ws.OpClose, []byte("\x03\xe8"))
}

// Each seed is another order of things:
//
//	go test ./examples/websocket -run Partition -weft.runs=200
func TestRoomSurvivesAPartition(t *testing.T) {
	const guests, lines = 6, 12
	config := sim.Config{
		Dials: sim.Freedoms(),
		Link:  sim.Conditions{Latency: 30 * time.Millisecond, Jitter: 50 * time.Millisecond, Loss: 0.05},
	}
	config.Test(t, func(t *testing.T, w *sim.World) {
		_, s := start(t, w)
		var all []*guest
		var cut []*sim.Host
		done := func() bool {
			for i, g := range all {
				if g.said < lines || i%2 != 0 && len(g.heard) < (*s).room.said {
					return false
				}
			}
			return true
		}
		for i := range guests {
			g := &guest{name: fmt.Sprint("guest", i), heard: map[int]bool{}}
			all = append(all, g)
			h := w.Host(g.name)
			if i%2 == 0 {
				cut = append(cut, h)
			}
			h.Go("guest", on(func(ctx context.Context) error { return g.stay(ctx, lines, done) }))
		}
		w.At(10*time.Second, func() { w.Partition(cut...) })
		// By then the server has pinged those it does not hear, and let go of them.
		w.At(50*time.Second, func() {
			require.Len(t, (*s).room.here(), guests-len(cut), "in the room while the others are cut off")
		})
		w.At(2*time.Minute, w.Heal)
		require.NoError(t, w.Run())

		for i, g := range all {
			require.Equal(t, lines, g.said, "%s has said everything", g.name)
			if i%2 == 0 {
				require.Greater(t, g.tries, 1, "%s was cut off", g.name)
			} else {
				require.Len(t, g.heard, (*s).room.said, "%s was there all the time, and has heard everything", g.name)
			}
		}
	})
}
