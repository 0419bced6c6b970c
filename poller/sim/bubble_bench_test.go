package sim_test

import (
	"testing"

	"github.com/weft-go/weft/poller/sim"
)

// How many idle seconds pass in one, in a test's bubble? It is what
// BenchmarkIdleSecond asks, where every jump of the clock is a sleep of the
// runtime's too.
//
// A bubble is for tests, and a benchmark is none: this one runs a test of its own,
// and looks at its watch outside, since inside a second is none.
func BenchmarkIdleSecondInBubble(b *testing.B) {
	all := func(string, string) (bool, error) { return true, nil }
	passed := testing.RunTests(all, []testing.InternalTest{{Name: "IdleSecondInBubble", F: func(t *testing.T) {
		sim.Config{Limit: 1 << 62}.Test(t, func(_ *testing.T, w *sim.World) {
			idle(w, b.N)
			_ = w.Run()
		})
	}}})
	if !passed {
		b.Fatal("the test in the bubble failed")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "virtual-s/s")
}
