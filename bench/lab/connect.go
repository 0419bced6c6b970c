package lab

import (
	"context"
	"errors"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/scenario"
)

// start starts a generator for groups.
func (t *taking) start(ctx context.Context, groups []load.Group) (*load.Process, error) {
	plan := t.lab.settings.Plan
	spec := load.Spec{Server: t.srv.Addr.String(), Groups: groups, Seed: t.lab.settings.Seed}
	if plan.Layout == pin.Split { // it has a processor of its own
		spec.Spin = spin
	}
	return load.Start(ctx, spec, plan.GeneratorCPUs)
}

// spin is how long before a planned send the generator looks at the clock instead
// of sleeping: what a virtual processor takes to wake up, and as much again.
const spin = 60 * time.Microsecond

// connect opens the connections and uses each once: in steps, if memory is read.
func (t *taking) connect(ctx context.Context, groups []load.Group) (err error) {
	if t.gen, err = t.start(ctx, groups); err != nil {
		return err
	}
	steps, total := t.step.place.scenario.MemorySteps, scenario.Total(groups)
	for i := range max(steps, 1) {
		conns := total * (i + 1) / max(steps, 1)
		if conns == total {
			conns = 0 // all
		}
		dialed, err := t.gen.Dial(ctx, conns)
		if err != nil {
			return err
		}
		t.generators = dialed.Processes
		if err := t.gen.Touch(ctx); err != nil {
			return err
		}
		if steps == 0 {
			continue
		}
		m, err := t.memory(ctx, total*(i+1)/steps)
		if err != nil {
			return err
		}
		t.reading.Memory = append(t.reading.Memory, m)
	}
	return nil
}

// memory lets the server collect its garbage and reads what is left.
func (t *taking) memory(ctx context.Context, conns int) (scenario.Memory, error) {
	m := scenario.Memory{Conns: conns}
	// Twice: the first collection starts the collector's own threads.
	for range 2 {
		stats, err := t.srv.Stats(ctx)
		if err != nil {
			return m, err
		}
		m.Live, m.Threads = stats.LiveBytes, stats.Threads
	}
	if t.step.row.backend.Processes { // that was the master, or who started another program
		m.Live, m.Threads = 0, uint64(measure.Threads(t.srv.PID()))
	}
	var err error
	if m.User, err = measure.AnonymousBytes(t.srv.PID()); errors.Is(err, errors.ErrUnsupported) {
		return m, nil
	} else if err != nil {
		return m, err
	}
	machine, err := measure.OfMachine(nil)
	if err == nil {
		m.Kernel = machine.Kernel
	}
	return m, nil
}
