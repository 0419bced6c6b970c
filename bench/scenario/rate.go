package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// rate: clients that keep to a timetable, whatever the server does. Latency counts
// from the planned time. Beyond what a server can do the answers come later and
// later, and the figures say for how long the run was.
var rate = Scenario{
	Name:     "rate",
	Question: "how long does an answer take at a given rate, and what is the highest rate within a limit",
	Note:     "latency counts from the planned time; the rate in limit is found by bisection",
	Workload: backend.Echo,
	Shows:    []string{result.HighestRate, result.Rate, result.P50, result.P99, result.P999, result.Longest, result.ServiceP99, result.SendLagP99, result.ServerBusy},
	Points: func(p Profile) []Axes {
		base := Axes{Conns: 100, Size: messageSize}
		if p == Quick {
			return along(base, Rate, 10_000)
		}
		points := along(base, Rate, 1000, 10_000, 20_000, 40_000, 60_000, 80_000)
		return append(points, base.with(Limit, 1000))
	},
	Groups: func(a Axes) []load.Group {
		return []load.Group{{
			Name: everybody, Role: load.Paced, Conns: a.Int(Conns), Size: a.Int(Size), Depth: 1,
			Rate: a[Rate], Arrivals: load.Poisson,
		}}
	},
	Figures: func(_ Axes, r Reading) Figures {
		if r.Highest != nil {
			return Figures{result.HighestRate: *r.Highest}
		}
		return r.costs(everybody).add(traffic(r.group(everybody)))
	},
	Searches: true,
}
