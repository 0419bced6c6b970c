package scenario

import (
	"maps"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
)

// Reading is all that one sample read.
type Reading struct {
	// Outcome is is of the measured run.
	Outcome load.Outcome
	// Server is what the server used in that time; nil where the system does not
	// tell.
	Server *measure.Usage
	// Elapsed is that time.
	Elapsed time.Duration
	// Calls are system calls of the server during CallsOutcome, a run of its own;
	// nil where they could not be counted.
	Calls        *uint64
	CallsOutcome load.Outcome
	// Memory of the server, after each step in which connections were opened and
	// used once; and After, when the load has ended and they are still open.
	Memory []Memory
	After  *Memory
	// Highest is the rate that a search found, 0 if it found none; nil where nothing
	// was searched.
	Highest *float64
}

// Memory is what the server's connections take.
type Memory struct {
	Conns int
	// User is the server's own memory, after a collection. Kernel is the kernel's,
	// for both ends of the connections and for everything else on the machine.
	User, Kernel int64
	// Live is what a collection left of heap and stacks, by the account of the Go
	// program that is the server; 0 of one that is several processes, or another
	// program. Threads is how many there are, of all processes; 0 where the system
	// does not tell.
	Live, Threads uint64
}

// Figures are values by the name of their metric. What was not measured is not in
// it.
type Figures map[string]float64

// kernelConns is the fewest connections that kernel memory is divided by.
//
// Bound: it is read for the whole machine, where some 100 KB come and go.
const kernelConns = 1000

// userConns is the fewest connections that user memory is divided by.
//
// Bound: memory is counted in pages and taken by the heap in larger steps still,
// so that a figure for a few connections would be about the heap.
const userConns = 100

// group finds what a group measured; nothing if there is no such group.
func (r Reading) group(name string) load.Measured { return find(r.Outcome, name) }

func find(o load.Outcome, name string) load.Measured {
	for _, m := range o.Groups {
		if m.Group == name {
			return m
		}
	}
	return load.Measured{}
}

// costs are the figures about the two sides, per message of these groups.
func (r Reading) costs(groups ...string) Figures {
	f := Figures{}
	var messages, traced uint64
	for _, name := range groups {
		messages += r.group(name).Received
		traced += find(r.CallsOutcome, name).Received
	}
	seconds := r.Elapsed.Seconds()
	if seconds > 0 {
		f[result.GeneratorBusy] = r.Outcome.CPU.Seconds() / seconds
		if r.Server != nil {
			f[result.ServerBusy] = r.Server.CPU.Seconds() / seconds
			if !r.Server.Lost {
				f[result.SwitchesPerSec] = float64(r.Server.Switches()) / seconds
			}
		}
	}
	if messages > 0 {
		f[result.GeneratorCPUPer] = micros(r.Outcome.CPU) / float64(messages)
		if r.Server != nil {
			f[result.CPUPerMessage] = micros(r.Server.CPU) / float64(messages)
			if !r.Server.Lost {
				f[result.SwitchesPer] = float64(r.Server.Switches()) / float64(messages)
			}
		}
	}
	if traced > 0 && r.Calls != nil {
		f[result.CallsPerMessage] = float64(*r.Calls) / float64(traced)
	}
	return f
}

// memory are the slopes over the steps in which connections were opened.
func (r Reading) memory() Figures {
	f := Figures{}
	var conns, user, kernel, live []float64
	for _, m := range r.Memory {
		conns = append(conns, float64(m.Conns))
		user, kernel = append(user, float64(m.User)), append(kernel, float64(m.Kernel))
		live = append(live, float64(m.Live))
	}
	if len(conns) < 2 {
		return f
	}
	most := conns[len(conns)-1]
	last := r.Memory[len(r.Memory)-1]
	if last.Threads > 0 {
		f[result.Threads] = float64(last.Threads)
	}
	if slope, err := stats.Slope(conns, live); err == nil && last.Live > 0 {
		f[result.LivePerConn] = slope
	}
	if last.User == 0 { // the system does not tell
		return f
	}
	f[result.ServerMemory] = float64(last.User)
	if slope, err := stats.Slope(conns, user); err == nil && most >= userConns {
		f[result.MemoryPerConn] = slope
	}
	if slope, err := stats.Slope(conns, kernel); err == nil && most >= kernelConns && kernel[0] > 0 {
		f[result.KernelPerConn] = slope
	}
	return f
}

// traffic are the rate and the latencies of one group.
func traffic(m load.Measured) Figures {
	f := Figures{}
	if m.Elapsed > 0 && m.Received > 0 {
		f[result.Rate] = float64(m.Received) / m.Elapsed.Seconds()
	}
	f.quantile(result.P50, m.Latency, 50)
	f.quantile(result.P99, m.Latency, 99)
	f.quantile(result.P999, m.Latency, 99.9)
	f.quantile(result.Longest, m.Latency, 100)
	f.quantile(result.ServiceP99, m.Service, 99)
	f.quantile(result.SendLagP99, m.SendLag, 99)
	f.quantile(result.ConnectP99, m.Connect, 99)
	f.quantile(result.SkewP99, m.Skew, 99)
	return f
}

// add takes in other figures.
func (f Figures) add(others ...Figures) Figures {
	for _, o := range others {
		maps.Copy(f, o)
	}
	return f
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
