package lab

import (
	"runtime"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// allBusy is the share of the time that a side can compute, from which on it counts
// as busy all the time.
//
// Bound: a run has a ramp at both ends, and answers that are waited for; 0.93 to 0.99
// are seen of a side that is the limit.
const allBusy = 0.9

// generatorBound reports that a closed loop was as fast as its generator: that one had
// no time left, and the server had. The rate, and the latency that belongs to it, are
// then about the generator, and what the server costs is in its CPU time. Of an open
// loop, load.Measured.GeneratorLimited tells.
func generatorBound(o load.Outcome, f scenario.Figures, generators, servers int) bool {
	for _, g := range o.Groups {
		if g.SendLag != "" {
			return false
		}
	}
	server, known := f[result.ServerBusy]
	return known && f[result.GeneratorBusy] >= allBusy*float64(generators) && server < allBusy*float64(servers)
}

// processorsOf is how many processors that many threads on cpus can have; none are
// all.
func processorsOf(threads int, cpus []int) int {
	n := len(cpus)
	if n == 0 {
		n = runtime.NumCPU()
	}
	return max(1, min(threads, n))
}
