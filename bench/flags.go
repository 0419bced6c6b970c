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
func checkBackends(names []string) error {
	if len(names) == 0 {
		return refuse("--backends: no backend given")
	}
	for i, name := range names {
		if _, err := backend.Find(name); err != nil {
			return refuse("--backends: %w", err)
		}
		if slices.Contains(names[:i], name) {
			return refuse("--backends: %s is given twice", name)
		}
	}
	return nil
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

func checkBatch(depth, size int) error {
	if err := checkPositive("depth", depth); err != nil {
		return err
	}
	if err := checkPositive("size", size); err != nil {
		return err
	}
	if depth > load.MaxBatch/size {
		return refuse("--depth %d times --size %d is more than %d bytes per batch", depth, size, load.MaxBatch)
	}
	return nil
}

// checkConns refuses what the descriptors or the ports of this machine cannot
// hold, before anything is started.
func checkConns(conns int) error {
	if err := checkPositive("conns", conns); err != nil {
		return err
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
