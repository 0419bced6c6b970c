package lab

import (
	"time"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
)

// disturbance is how much of the time of our processors may go to others, before a
// sample counts as disturbed.
//
// Bound: a tenth of the processors would move a figure by as much; the kernel
// counts this time in ticks of 4 to 10 ms, so that less cannot be told from none
// in a short sample.
const disturbance = 0.10

// bystanders watches what else runs on the processors of a sample. Pressure stall
// information cannot tell others from ourselves: a server with a thread for each
// connection is under pressure by its nature. So it is kept with the sample, and
// what is judged is the processors' busy time, less that of our processes, and
// what the host of a virtual machine kept for others.
type bystanders struct {
	cpus   []int
	at     time.Time
	before measure.Machine
	known  bool
}

// watch begins.
func watch(p pin.Plan) bystanders {
	b := bystanders{at: time.Now()}
	b.cpus = append(append(b.cpus, p.ServerCPUs...), p.GeneratorCPUs...)
	m, err := measure.OfMachine(b.cpus)
	b.before, b.known = m, err == nil
	return b
}

// verdict is what was seen since then.
type verdict struct {
	// foreign is the share of our processors' time that others had.
	foreign float64
	// pressure is the share of time in which something waited for a processor.
	pressure float64
	known    bool
}

func (v verdict) disturbed() bool { return v.foreign > disturbance }

// seen judges; ours is the CPU time of our own processes in that time.
func (b bystanders) seen(ours time.Duration, count int) verdict {
	after, err := measure.OfMachine(b.cpus)
	if err != nil || !b.known {
		return verdict{}
	}
	elapsed := time.Since(b.at)
	others := max(0, after.Busy-b.before.Busy-ours) + after.Stolen - b.before.Stolen
	return verdict{
		foreign:  float64(others) / float64(elapsed) / float64(max(count, 1)),
		pressure: float64(after.Waited-b.before.Waited) / float64(elapsed),
		known:    true,
	}
}
