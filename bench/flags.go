package main

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/pin"
)

// maxLoops bounds --loops.
//
// Bound: more loops than any machine has processors, and few enough for their
// buffers to fit its memory.
const maxLoops = 1024

// checkBackends refuses names that are unknown or given twice.
func (c *runCommand) checkBackends() error {
	if c.Twice != "" {
		if _, err := backend.Find(c.Twice); err != nil {
			return refuse("--aa: %w", err)
		}
		return nil
	}
	if len(c.Backends) == 0 {
		return refuse("--backends: no backend given")
	}
	for _, name := range c.Backends {
		if _, err := backend.Find(name); err != nil {
			return refuse("--backends: %w", err)
		}
	}
	if name, twice := repeated(c.Backends); twice {
		return refuse("--backends: %s is given twice", name)
	}
	return nil
}

// checkAxes refuses points that make no sense, or that no server here can be at.
func (c *runCommand) checkAxes() error {
	for _, axis := range []struct {
		flag   string
		values []int
		least  int
	}{
		{"conns", c.Conns, 1}, {"depth", c.Depth, 1}, {"size", c.Size, 1}, {"rate", c.Rate, 1}, {"active", c.Active, 0},
	} {
		for _, v := range axis.values {
			if v < axis.least {
				return refuse("--%s: %d is not %s", axis.flag, v, [...]string{"zero or more", "positive"}[axis.least])
			}
		}
		if v, twice := repeated(axis.values); twice {
			return refuse("--%s: %d is given twice", axis.flag, v)
		}
	}
	for _, depth := range append([]int{1}, c.Depth...) {
		for _, size := range append([]int{1}, c.Size...) {
			if depth > load.MaxBatch/size {
				return refuse("--depth %d times --size %d is more than %d bytes per batch", depth, size, load.MaxBatch)
			}
		}
	}
	for _, conns := range c.Conns {
		if err := c.checkConns(conns); err != nil {
			return err
		}
	}
	return nil
}

// checkTimes refuses what is not positive.
func (c *runCommand) checkTimes() error {
	var problems []error
	if c.Rounds != nil {
		problems = append(problems, checkPositive("rounds", *c.Rounds))
	}
	if c.Duration != nil {
		problems = append(problems, checkPositive("duration", *c.Duration))
	}
	if c.Warmup != nil {
		problems = append(problems, checkPositive("warmup", *c.Warmup))
	}
	for _, p := range problems {
		if p != nil {
			return p
		}
	}
	return nil
}

// repeated finds a value that is there twice.
func repeated[T comparable](values []T) (T, bool) {
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			return v, true
		}
	}
	var none T
	return none, false
}

func floats(values []int) (all []float64) {
	for _, v := range values {
		all = append(all, float64(v))
	}
	return all
}

func checkPositive[N int | time.Duration](flag string, value N) error {
	if value <= 0 {
		return refuse("--%s: %v is not positive", flag, value)
	}
	return nil
}

// checkLoops returns 0 where the flag was not given.
func checkLoops(loops *int) (int, error) {
	if loops == nil {
		return 0, nil
	}
	if *loops < 1 || *loops > maxLoops {
		return 0, refuse("--loops: %d is not between 1 and %d", *loops, maxLoops)
	}
	return *loops, nil
}

// checkConns refuses what the descriptors of this machine cannot hold: unless a
// server is several processes, which have more of them together.
func (c *runCommand) checkConns(conns int) error {
	for _, name := range c.Backends {
		if b, err := backend.Find(name); err == nil && b.Processes && c.Twice == "" {
			return nil
		}
	}
	fit, why, err := connsThatFit()
	if err != nil {
		return err
	}
	if conns > fit {
		return refuse("--conns: %d connections are more than %s; %d would fit", conns, why, fit)
	}
	return nil
}

// choosePlan refuses a layout that this machine does not have.
func choosePlan(l pin.Layout) (pin.Plan, error) {
	plan, err := pin.Choose(l)
	if err != nil {
		return plan, refuse("--layout: %w", err)
	}
	return plan, nil
}

// chooseSeed returns a short one by chance where none was given.
func chooseSeed(given *uint64) uint64 {
	if given != nil {
		return *given
	}
	return rand.Uint64N(1_000_000)
}
