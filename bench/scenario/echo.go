package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// everybody is the group of a scenario that has one.
const everybody = "connections"

// echo: every connection sends again when its answer is back. A closed loop: it
// tells what a message costs while a known number is under way, and not how a
// server treats clients that keep to a timetable; that is rate.
var echo = Scenario{
	Name:     "echo",
	Question: "what does a message cost while every connection has one, or a batch, under way",
	Workload: backend.Echo,
	Shows:    []string{result.Rate, result.P50, result.P99, result.CPUPerMessage, result.CallsPerMessage, result.SwitchesPer},
	Draws:    []string{result.P999},
	Points: func(p Profile) []Axes {
		base := Axes{Conns: 100, Size: messageSize, Depth: 1}
		if p == Quick {
			return along(base, Conns, 1, 100, 5000)
		}
		points := along(base, Conns, 1, 10, 100, 1000, 10_000)
		points = append(points, along(base, Size, 1024, 16<<10, 256<<10)...)
		return append(points, along(base, Depth, 16)...)
	},
	// Six rounds are the fewest for an interval; with many connections they take too
	// long for a first look.
	QuickRounds: func(a Axes) int {
		if a[Conns] > 1000 {
			return 1
		}
		return 6
	},
	Groups: func(a Axes) []load.Group {
		return []load.Group{{Name: everybody, Role: load.Echo, Conns: a.Int(Conns), Size: a.Int(Size), Depth: a.Int(Depth)}}
	},
	Figures: func(_ Axes, r Reading) Figures { return r.costs(everybody).add(traffic(r.group(everybody))) },
}
