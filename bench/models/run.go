package models

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/weft-go/weft/bench/child"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/result"
)

// ProbeCommand is the hidden command of this program that measures one probe: it
// takes Effort.Args and prints the figures as one line of JSON.
const ProbeCommand = "probe"

// probeLimit is how long a probe may take.
//
// Bound: several times what the slowest one takes with the largest effort.
const probeLimit = 2 * time.Minute

// Settings say what is measured and how thoroughly.
type Settings struct {
	// Models and Kinds, or single quantities, are what is asked for; none are all.
	Models, Kinds []string
	// Rounds is how often each probe runs, CrashRounds how often a server crashes
	// in each way.
	Rounds, CrashRounds int
	Seed                uint64
	Effort              Effort
}

// Step is one process to measure in, or one server to crash.
type Step struct {
	Round int
	Model string
	What  string
	run   func(ctx context.Context) ([]Figure, error)
	takes time.Duration
}

// Plan is a run that is planned.
type Plan struct {
	settings Settings
	Steps    []Step
	places   map[Place][]int
	// broken are steps that failed, by their names: they are not tried again.
	broken map[string]bool
	found  collection
	// Failures say, in sentences, what could not be measured.
	Failures []string
	// Foreign is the share of the processors' time that other programs had during
	// the run.
	Foreign float64
}

// New plans a run: in every round the probes are in an order by chance.
func New(s Settings) *Plan {
	p := &Plan{settings: s, places: map[Place][]int{}, broken: map[string]bool{}}
	if plan, err := pin.Choose(pin.Split); err == nil {
		p.places[OneCPU] = plan.ServerCPUs
	}
	if plan, err := pin.Choose(pin.Shared); err == nil {
		p.places[TwoCPUs] = plan.ServerCPUs
	}
	random := rand.New(rand.NewPCG(s.Seed, 0))
	for round := 1; round <= max(s.Rounds, s.CrashRounds); round++ {
		var steps []Step
		if round <= s.Rounds {
			steps = p.probes(round)
		}
		if round <= s.CrashRounds {
			steps = append(steps, p.crashes(round)...)
		}
		random.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		p.Steps = append(p.Steps, steps...)
	}
	return p
}

// wants reports whether a quantity, or a kind of them, is asked for, of a model.
func (s Settings) wants(model, quantity string) bool {
	return (len(s.Models) == 0 || slices.Contains(s.Models, model)) &&
		(len(s.Kinds) == 0 || slices.Contains(s.Kinds, quantity) || slices.Contains(s.Kinds, Kind(quantity)))
}

func (p *Plan) probes(round int) (steps []Step) {
	for _, probe := range Probes() {
		needed := Kind(probe.What) == "memory" && p.settings.wants(probe.Model, "fit")
		if !needed && !p.settings.wants(probe.Model, probe.What) {
			continue
		}
		steps = append(steps, Step{round, probe.Model, probe.What, func(ctx context.Context) ([]Figure, error) {
			return p.measure(ctx, probe)
		}, startTakes + probe.Takes(p.settings.Effort)})
	}
	return steps
}

// startTakes is about how long it takes to start this program and to end it.
const startTakes = 40 * time.Millisecond

func (p *Plan) crashes(round int) (steps []Step) {
	for _, s := range servers {
		for _, f := range Faults {
			if !p.settings.wants(s.model, "crash") {
				continue
			}
			takes := 5 * startTakes
			if f == Faults[len(Faults)-1] {
				takes += runaway
			}
			steps = append(steps, Step{round, s.model, "crash/" + f.String(), func(ctx context.Context) ([]Figure, error) {
				others, err := Crash(ctx, s.backend, f)
				if err != nil {
					return nil, fmt.Errorf("crash/%v %s: %w", f, s.model, err)
				}
				return others.figures(f), nil
			}, takes})
		}
	}
	return steps
}

// measure runs a probe in a process of its own.
func (p *Plan) measure(ctx context.Context, probe Probe) ([]Figure, error) {
	process, err := child.Start(child.Options{
		Name: probe.Name(),
		Args: append([]string{ProbeCommand, "--name=" + probe.Name()}, p.settings.Effort.Args()...),
		CPUs: p.places[probe.Place],
	})
	if err != nil {
		return nil, err
	}
	defer process.Close()
	line, err := process.Line(ctx, probeLimit)
	if err != nil {
		return nil, err
	}
	var figures []Figure
	if err := json.Unmarshal([]byte(line), &figures); err != nil {
		return nil, fmt.Errorf("%s said %q: %w", probe.Name(), line, err)
	}
	return figures, process.Stop()
}

// Args are the flags of ProbeCommand.
func (e Effort) Args() []string {
	return []string{
		"--time=" + e.Time.String(), "--units=" + strconv.FormatFloat(e.Units, 'g', -1, 64),
		"--rounds=" + strconv.Itoa(e.Rounds), "--pauses=" + strconv.Itoa(e.Pauses), "--pause-length=" + e.PauseLength.String(),
	}
}

// Order is the steps as a file has them.
func (p *Plan) Order() (order []result.Step) {
	for _, s := range p.Steps {
		order = append(order, result.Step{Round: s.Round, Point: result.Point{Scenario: s.What}, Backend: s.Model})
	}
	return order
}

// Estimate is about how long the run takes.
func (p *Plan) Estimate() (all time.Duration) {
	for _, s := range p.Steps {
		all += s.takes
	}
	return all
}

// Run measures, step after step, and returns what was measured: also when ctx ends
// before, which is the error. Tell is called before each step. A probe that fails is
// not run again, and is in Failures. Who may call: see [child.Start].
func (p *Plan) Run(ctx context.Context, tell func(Step)) (Table, error) {
	others := watchOthers()
	defer func() { p.Foreign = others() }()
	for _, s := range p.Steps {
		name := s.What + " " + s.Model
		if p.broken[name] {
			continue
		}
		tell(s)
		figures, err := s.run(ctx)
		if ctx.Err() != nil {
			break
		}
		if err != nil {
			p.broken[name] = true
			p.Failures = append(p.Failures, fmt.Sprintf("%v", err))
			continue
		}
		for _, f := range figures {
			p.found.add(s.Model, f)
		}
	}
	t := p.found.table()
	limits := OfMachine()
	for _, model := range All {
		if p.settings.wants(model, "fit") {
			t = append(t, t.Fit(model, limits)...)
		}
	}
	return t.sorted(), ctx.Err()
}

// watchOthers begins to watch what other programs do; the function that it returns
// says what share of the processors' time they had. Where the system does not tell,
// that is 0.
func watchOthers() func() float64 {
	began := time.Now()
	machine, machineErr := measure.OfMachine(nil)
	own, ownErr := measure.OfProcess(os.Getpid())
	return func() float64 {
		after, err := measure.OfMachine(nil)
		ours, ownAfterErr := measure.OfProcess(os.Getpid())
		if machineErr != nil || ownErr != nil || err != nil || ownAfterErr != nil {
			return 0
		}
		busy := after.Busy - machine.Busy + after.Stolen - machine.Stolen
		all := time.Since(began) * time.Duration(runtime.NumCPU())
		return max(0, float64(busy-ours.Sub(own).CPU)/float64(all))
	}
}
