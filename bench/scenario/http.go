package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// http: echo in HTTP/1.1, kept alive, so that servers can be compared that speak
// nothing else.
var http = Scenario{
	Name:     "http",
	Question: "what does a request cost in HTTP/1.1, kept alive",
	Workload: backend.HTTP,
	Shows:    []string{result.Rate, result.P50, result.P99, result.CPUPerMessage, result.CallsPerMessage, result.SwitchesPer},
	Draws:    []string{result.P999},
	Points: func(p Profile) []Axes {
		if p == Quick {
			return nil
		}
		return along(Axes{}, Conns, 100, 1000)
	},
	Groups: func(a Axes) []load.Group {
		return []load.Group{{Name: everybody, Role: load.HTTP, Conns: a.Int(Conns), Size: messageSize, Depth: 1}}
	},
	Figures: func(_ Axes, r Reading) Figures { return r.costs(everybody).add(traffic(r.group(everybody))) },
}
