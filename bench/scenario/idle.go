package scenario

import (
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// rotation is how often other connections become the active ones: often enough for
// all to have their turn in a sample of a second when a tenth is active.
const rotation = 100 * time.Millisecond

// IdleSteps is in how many steps the connections are opened: three points for a
// slope are the least that shows whether it is one.
const IdleSteps = 3

// idle: most connections wait, as in every server for people. With none active it
// is about memory and about what a server does when nothing happens; with some,
// about finding the few among the many.
var idle = Scenario{
	Name:     "idle",
	Question: "what does a connection cost that waits, and a message beside many that wait",
	Workload: backend.Echo,
	Shows:    []string{result.LivePerConn, result.MemoryPerConn, result.KernelPerConn, result.Threads, result.ServerBusy, result.SwitchesPerSec, result.CPUPerMessage, result.P99},
	Points: func(p Profile) []Axes {
		if p == Quick {
			return []Axes{{Conns: 3000, Active: 30}}
		}
		points := along(Axes{Active: 0}, Conns, 3000, 15_000)
		return append(points, along(Axes{Conns: 10_000}, Active, 100, 1000)...)
	},
	Groups: func(a Axes) []load.Group {
		g := load.Group{Name: everybody, Role: load.Idle, Conns: a.Int(Conns), Size: messageSize, Depth: 1}
		if active := a.Int(Active); active > 0 {
			g.Role, g.Active, g.Rotate = load.Echo, min(active, g.Conns), rotation
		}
		return []load.Group{g}
	},
	Figures: func(_ Axes, r Reading) Figures {
		return r.costs(everybody).add(traffic(r.group(everybody)), r.memory())
	},
	MemorySteps: IdleSteps,
}
