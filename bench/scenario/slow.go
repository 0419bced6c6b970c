package scenario

import (
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// workCPU is the axis of what slow requests do: 0 wait, 1 calculate.
const workCPU = "cpu_work"

// How many requests are slow, and how slow: as in the benchmarks of brpc, which
// show the latency of the others.
const (
	slowShare = 0.01
	slowLeast = 5 * time.Millisecond
	slowMost  = 15 * time.Millisecond
)

// slow: one request of a hundred takes long. Who runs its handlers to their end on
// a loop lets all others wait; an open loop shows that.
var slow = Scenario{
	Name:     "slow",
	Question: "one request of a hundred takes 5 to 15 ms: what do the others notice",
	Note:     "latencies are of the others, but for the column slow; CPU time is per message of all, what the slow ones calculate included",
	Workload: backend.Slow,
	Shows:    []string{result.P50, result.OtherP99, result.P999, result.Longest, result.SlowP99, result.CPUPerMessage},
	Points: func(p Profile) []Axes {
		base := Axes{Conns: 100, Rate: 2000, workCPU: 0}
		if p == Quick { // a short sample is to have some slow ones, too
			return along(base, Rate, 5000)
		}
		return along(base, workCPU, 0, 1)
	},
	Groups: func(a Axes) []load.Group {
		work := load.Blocking
		if a[workCPU] != 0 {
			work = load.CPU
		}
		return []load.Group{{
			Name: everybody, Role: load.Paced, Conns: a.Int(Conns), Size: backend.SlowSize, Depth: 1,
			Rate: a[Rate], Arrivals: load.Poisson,
			SlowShare: slowShare, SlowLeast: slowLeast, SlowMost: slowMost, Work: work,
		}}
	},
	Figures: func(_ Axes, r Reading) Figures {
		// Latency is of the others: the slow ones have a histogram of their own.
		f := r.costs(everybody).add(traffic(r.group(everybody)))
		if p99, ok := f[result.P99]; ok {
			f[result.OtherP99] = p99
			delete(f, result.P99)
		}
		f.quantile(result.SlowP99, r.group(everybody).Slow, 99)
		return f
	},
}
