package scenario

import (
	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// churn: connect, one request, close. What it costs to have a connection, and not
// to keep it. Figures per message are per connection.
var churn = Scenario{
	Name:     "churn",
	Question: "what does a connection cost that makes one request and goes",
	Note:     "CPU time, calls and switches are per connection; latency is from the beginning of its connect to its answer",
	Workload: backend.Echo,
	Shows:    []string{result.ConnectsPer, result.ConnectP99, result.P99, result.CPUPerMessage, result.CallsPerMessage, result.SwitchesPer},
	Points: func(p Profile) []Axes {
		if p == Quick {
			return []Axes{{Conns: 50}}
		}
		return along(Axes{}, Conns, 50, 500)
	},
	Groups: func(a Axes) []load.Group {
		return []load.Group{{Name: everybody, Role: load.Churn, Conns: a.Int(Conns), Size: messageSize, Depth: 1}}
	},
	Figures: func(_ Axes, r Reading) Figures {
		f := r.costs(everybody).add(traffic(r.group(everybody)))
		if n, ok := f[result.Rate]; ok {
			f[result.ConnectsPer] = n
			delete(f, result.Rate)
		}
		return f
	},
}
