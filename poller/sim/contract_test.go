package sim_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
	"github.com/weft-go/weft/poller/sim"
)

// opener opens hosts of fresh worlds for the suite.
func opener(c sim.Config) pollertest.Opener {
	return func(t *testing.T, pc poller.Config) poller.OS {
		t.Helper()
		return sim.New(c).Host("host", "10.0.0.1", "fd00::1").Open(pc)
	}
}

// overALink is opener with a loopback on which everything takes its time.
func overALink(c sim.Config, l sim.Conditions) pollertest.Opener {
	return func(t *testing.T, pc poller.Config) poller.OS {
		t.Helper()
		w := sim.New(c)
		h := w.Host("host", "10.0.0.1", "fd00::1")
		w.Link(h, h).Set(l)
		return h.Open(pc)
	}
}

// TestContract puts the simulated kernel through the suite of the real ones.
func TestContract(t *testing.T) {
	dials := sim.Freedoms()
	dials.MostLate = 5 * time.Microsecond // the suite counts turns
	for seed := range uint64(6) {
		t.Run(fmt.Sprint("without faults, seed ", seed), func(t *testing.T) {
			pollertest.Run(t, opener(sim.Config{Seed: seed}))
		})
		t.Run(fmt.Sprint("over a link, seed ", seed), func(t *testing.T) {
			pollertest.Run(t, overALink(sim.Config{
				Seed: seed,
				Turn: 100 * time.Microsecond, // the suite counts turns: a link is not to be slower
			}, sim.Conditions{Latency: 20 * time.Microsecond, Jitter: 50 * time.Microsecond, Bandwidth: 100 << 20}))
		})
		t.Run(fmt.Sprint("with every freedom of the contract, seed ", seed), func(t *testing.T) {
			pollertest.Run(t, opener(sim.Config{Seed: seed, Dials: dials}))
		})
	}
}
