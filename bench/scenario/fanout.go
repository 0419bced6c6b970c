package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// The groups of fanout.
const (
	sender    = "sender"
	listeners = "listeners"
)

// fanout: one sends, all hear it, as in a chat room or a market feed. Figures per
// message are per delivery.
var fanout = Scenario{
	Name:     "fanout",
	Question: "how fast does a message reach everybody in a room, and how far apart are the first and the last",
	Note:     "latency is until the last one has heard it, skew from the first to the last; CPU time and calls are per delivery",
	Workload: backend.Room,
	Shows:    []string{result.Deliveries, result.P50, result.P99, result.SkewP99, result.CPUPerMessage, result.CallsPerMessage},
	Points: func(p Profile) []Axes {
		if p == Quick {
			return nil
		}
		return along(Axes{}, Conns, 100, 1000)
	},
	Groups: func(a Axes) []load.Group {
		return []load.Group{
			{Name: sender, Role: load.Sender, Conns: 1, Size: messageSize, Depth: 1},
			{Name: listeners, Role: load.Listener, Conns: a.Int(Conns), Size: messageSize, Depth: 1},
		}
	},
	Figures: func(_ Axes, r Reading) Figures {
		heard := r.group(listeners)
		f := r.costs(listeners).add(traffic(r.group(sender)))
		f.quantile(result.SkewP99, heard.Skew, 99)
		if elapsed := max(heard.Elapsed, r.group(sender).Elapsed); elapsed > 0 && heard.Received > 0 {
			f[result.Deliveries] = float64(heard.Received) / elapsed.Seconds()
		}
		return f
	},
}
