package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// scale: from one connection to as many as fit. Where one process has too few
// descriptors there are several on the client's side, and on the server's for the
// backends that are several processes.
var scale = Scenario{
	Name:     "scale",
	Question: "how do rate, latency and memory go with the number of connections, and how many fit",
	Workload: backend.Echo,
	Shows:    []string{result.Rate, result.P50, result.P99, result.CPUPerMessage, result.MemoryPerConn, result.KernelPerConn},
	Draws:    []string{result.P999},
	Points: func(p Profile) []Axes {
		if p == Quick {
			return nil
		}
		return along(Axes{}, Conns, 1, 100, 1000, 5000, PerProcess, 2*PerProcess)
	},
	Groups: func(a Axes) []load.Group {
		return []load.Group{{Name: everybody, Role: load.Echo, Conns: a.Int(Conns), Size: messageSize, Depth: 1}}
	},
	Figures: func(a Axes, r Reading) Figures {
		f := r.costs(everybody).add(traffic(r.group(everybody)), r.memory())
		f[result.MostConnections] = a[Conns]
		return f
	},
	MemorySteps: 3,
}
