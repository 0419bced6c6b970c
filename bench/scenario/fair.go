package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
)

const (
	light = "light"
	hogs  = "hogs" // also the axis of how many
)

// A hog always has 64 messages of 1 KiB under way: a loop's whole buffer.
const (
	hogDepth = 64
	hogSize  = 1 << 10
)

// fair: a few connections that take all they can get, beside light ones that send
// one small message after the other. Do the light ones get the same as each other,
// and how long does one of them wait at the worst.
var fair = Scenario{
	Name:     "fair",
	Question: "do light connections get their share beside hogs",
	Note:     "Jain, latencies and msg/s are of the light connections; hog msg/s is what the hogs got in all",
	Workload: backend.Echo,
	Shows:    []string{result.Jain, result.LongestWait, result.OtherP99, result.Rate, result.HogRate},
	Points: func(p Profile) []Axes {
		base := Axes{Conns: 50, hogs: 4}
		if p == Quick {
			return nil
		}
		return along(base, hogs, 0, 4)
	},
	Groups: func(a Axes) []load.Group {
		groups := []load.Group{{Name: light, Role: load.Echo, Conns: a.Int(Conns), Size: messageSize, Depth: 1}}
		if n := a.Int(hogs); n > 0 {
			groups = append(groups, load.Group{Name: hogs, Role: load.Echo, Conns: n, Size: hogSize, Depth: hogDepth})
		}
		return groups
	},
	Figures: func(_ Axes, r Reading) Figures {
		m := r.group(light)
		f := r.costs(light, hogs).add(traffic(m)) // Rate is the light ones'
		if p99, ok := f[result.P99]; ok {
			f[result.OtherP99] = p99
		}
		if got, ok := traffic(r.group(hogs))[result.Rate]; ok {
			f[result.HogRate] = got
		}
		if len(m.PerConn) > 0 {
			shares := make([]float64, len(m.PerConn))
			for i, n := range m.PerConn {
				shares[i] = float64(n)
			}
			f[result.Jain] = stats.Jain(shares)
		}
		if m.LongestWait > 0 {
			f[result.LongestWait] = micros(m.LongestWait)
		}
		return f
	},
}
