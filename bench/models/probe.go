package models

import (
	"fmt"
	"time"
)

// Figure is one value of a probe.
type Figure struct {
	Quantity string  `json:"quantity"`
	Workers  int     `json:"workers,omitempty"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
}

// Effort is how much a probe does. What is small is quick, and noisy.
type Effort struct {
	// Time is how long the part that is timed takes at least.
	Time time.Duration
	// Units multiplies how many units are parked to weigh them; 1 is a normal run.
	Units float64
	// Rounds of calculation are the work of a job, Pauses its waiting: Pauses
	// times PauseLength with one worker.
	Rounds      int
	Pauses      int
	PauseLength time.Duration
}

// Place is where a probe's process runs.
type Place uint8

const (
	// OneCPU is the first processor: the two sides of a switch share it.
	OneCPU Place = iota
	// TwoCPUs are the first two.
	TwoCPUs
	// Anywhere is every processor that this process may use.
	Anywhere
)

func (p Place) String() string { return [...]string{"one CPU", "two CPUs", "anywhere"}[p] }

// Probe is what one process measures.
type Probe struct {
	Model string
	// What is a quantity, or what its figures have in common: "job/cpu".
	What  string
	Place Place
	// takes is about how long it takes, besides Effort.Time; nil for no longer.
	takes func(Effort) time.Duration
	// measure runs in the probe's process, on a goroutine that is not locked to
	// its thread.
	measure func(Effort) ([]Figure, error)
}

// Name is how the command line calls it.
func (p Probe) Name() string { return p.What + " " + p.Model }

// Measure runs the probe in this process.
func (p Probe) Measure(e Effort) ([]Figure, error) {
	figures, err := p.measure(e)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	return figures, nil
}

// Takes is about how long it takes.
func (p Probe) Takes(e Effort) time.Duration {
	t := 2 * e.Time // it doubles what it repeats until that is long enough
	if p.takes != nil {
		t += p.takes(e)
	}
	return t
}

// Find looks a probe up by its name. Error: there is none of that name.
func Find(name string) (Probe, error) {
	for _, p := range Probes() {
		if p.Name() == name {
			return p, nil
		}
	}
	return Probe{}, fmt.Errorf("unknown probe %q", name)
}

// oneFigure makes a probe of what gives one value.
func oneFigure(model, quantity, unit string, place Place, value func(Effort) (float64, error)) Probe {
	return Probe{Model: model, What: quantity, Place: place, measure: func(e Effort) ([]Figure, error) {
		v, err := value(e)
		return []Figure{{Quantity: quantity, Value: v, Unit: unit}}, err
	}}
}

// most is how often perUnit repeats something at most.
//
// Bound: a second of what takes a nanosecond.
const most = 1 << 30

// perUnit finds what one repetition takes, in nanoseconds: it doubles their number
// until they take long enough together, so that the first, cold ones do not count.
func perUnit(least time.Duration, repeat func(n int) (time.Duration, error)) (float64, error) {
	for n := 1; ; n *= 2 {
		took, err := repeat(n)
		if err != nil {
			return 0, err
		}
		if took >= least || n >= most {
			return float64(took) / float64(n), nil
		}
	}
}

// timed is the time that fn takes.
func timed(fn func() error) (time.Duration, error) {
	began := time.Now()
	err := fn()
	return time.Since(began), err
}

// UnitCommand is the hidden command of this program that calls Unit: the other
// process of a probe.
const UnitCommand = "unit"
