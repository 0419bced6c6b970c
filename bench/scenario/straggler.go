package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

const (
	mute    = "mute"
	trickle = "trickle"
	// stragglers is the axis of how many there are: half are mute, half trickle.
	stragglers = "stragglers"
)

// muteSize is the bytes of what a mute connection sends: enough at once to fill
// the buffers between the two sides.
const muteSize = 16 << 10

// straggler: peers that never read what they asked for, and peers that send a byte
// a second. What do the others notice, and what does the server keep for them.
var straggler = Scenario{
	Name:     "straggler",
	Question: "what do peers cost that never read, or send a byte a second",
	Note:     "latencies are of the others; half of the stragglers never read, half send a byte a second, and B/straggler is over both",
	Workload: backend.Echo,
	Shows:    []string{result.OtherP99, result.Longest, result.StragglersMemory, result.ServerBusy},
	Points: func(p Profile) []Axes {
		base := Axes{Conns: 100, Rate: 2000, stragglers: 20}
		if p == Quick {
			return nil
		}
		return along(base, stragglers, 0, 200)
	},
	Groups: func(a Axes) []load.Group {
		groups := []load.Group{{
			Name: everybody, Role: load.Paced, Conns: a.Int(Conns), Size: messageSize, Depth: 1,
			Rate: a[Rate], Arrivals: load.Fixed,
		}}
		if n := a.Int(stragglers) / 2; n > 0 {
			groups = append(groups,
				load.Group{Name: mute, Role: load.Mute, Conns: n, Size: muteSize, Depth: 1},
				load.Group{Name: trickle, Role: load.Trickle, Conns: n, Size: messageSize, Depth: 1})
		}
		return groups
	},
	Figures: func(a Axes, r Reading) Figures {
		f := r.costs(everybody).add(traffic(r.group(everybody)))
		if p99, ok := f[result.P99]; ok {
			f[result.OtherP99] = p99
		}
		// All connections were open and used at the first reading, so what was
		// added since is what the stragglers did not take.
		if n := a.Int(stragglers); n > 0 && r.After != nil && len(r.Memory) > 0 {
			f[result.StragglersMemory] = float64(r.After.User-r.Memory[len(r.Memory)-1].User) / float64(n)
		}
		return f
	},
	MemorySteps: 1, MemoryAfter: true,
}
