package exercise

import (
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/weft-go/weft/coro"
)

var (
	seeds = flag.Uint64("exercise.seeds", 5000, "how many seeds the exerciser runs")
	first = flag.Uint64("exercise.first", 1, "the first of them")
	loud  = flag.Bool("exercise.loud", false, "name each seed before it runs, to find one that does not end")
)

// TestExerciserFindsNothing runs the seeds one after the other, up to the first
// that fails.
func TestExerciserFindsNothing(t *testing.T) {
	for seed := *first; seed < *first+*seeds; seed++ {
		exercise(t, seed)
		if t.Failed() {
			return
		}
	}
}

// The exerciser itself must not be what differs from run to run.
func TestSeedIsOneRun(t *testing.T) {
	for seed := range uint64(30) {
		if a, b := exercise(t, seed), exercise(t, seed); a != b {
			t.Errorf("two runs of seed %d differ", seed)
		}
	}
}

// exercise runs one seed and returns the trace's hash.
func exercise(t *testing.T, seed uint64) uint64 {
	t.Helper()
	if *loud {
		fmt.Println("seed", seed)
	}
	r := newRun(seed)
	defer r.world.Close()
	r.populate()
	r.play()
	r.settle()
	if left := coro.Loops(); len(left) > 0 {
		r.fail("%d loops are left", len(left))
	}
	if len(r.failures) > 0 {
		var trace strings.Builder
		r.world.WriteTrace(&trace, traceShown)
		t.Errorf("seed %d, after %v: %s\nthe end of the trace:\n%sto run it again: go test ./poller/sim/exercise -exercise.first=%d -exercise.seeds=1",
			seed, r.world.Elapsed(), strings.Join(r.failures, "\n"), &trace, seed)
	}
	return r.world.TraceHash()
}

const traceShown = 30

// mostFailures bounds what one seed reports: the first ones tell the story.
const mostFailures = 10

func (r *run) fail(format string, args ...any) {
	if len(r.failures) < mostFailures {
		r.failures = append(r.failures, fmt.Sprintf("%v: ", r.world.Elapsed())+fmt.Sprintf(format, args...))
	}
}
