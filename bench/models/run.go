package models

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
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
	limits Limits
	// Taken is how many steps were measured.
	Taken int
	// Failures say, in sentences, what could not be measured.
	Failures []string
	// Foreign is the share of our processors' time that other programs had during
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

// wantsFit reports whether it is asked how many units fit, of any model.
func (s Settings) wantsFit() bool {
	return slices.ContainsFunc(All, func(model string) bool { return s.wants(model, "fit") })
}

func (p *Plan) probes(round int) (steps []Step) {
	for _, probe := range Probes() {
		needed := Kind(probe.What) == "memory" && (p.settings.wants(probe.Model, "fit") || probe.Model == Connection && p.settings.wantsFit())
		if !needed && !p.settings.wants(probe.Model, probe.What) {
			continue
		}
		if probe.Place == TwoCPUs && p.places[TwoCPUs] == nil {
			if round == 1 {
				p.Failures = append(p.Failures, probe.Name()+": it needs two processors")
			}
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

// Places says which processors the probes have, by the name of their Place.
func (p *Plan) Places() map[string]string {
	names := map[string]string{}
	for place, cpus := range p.places {
		names[place.String()] = fmt.Sprint(cpus)
	}
	return names
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

// Run measures, step after step, until ctx ends, which is the error then. Tell is called
// before each step, and keep after each, when there is more in Table and Failures; its
// error ends the run. A probe that fails is not run again. Who may call: see
// [child.Start].
func (p *Plan) Run(ctx context.Context, tell func(Step), keep func() error) error {
	others := watchOthers()
	defer func() { p.Foreign = others() }()
	p.limits = OfMachine()
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
		} else {
			p.Taken++
		}
		for _, f := range figures {
			p.found.add(s.Model, f)
		}
		if err := keep(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Table is what has been measured so far, and what follows from it.
func (p *Plan) Table() Table {
	t := p.found.table()
	for _, model := range All {
		if p.settings.wants(model, "fit") {
			t = append(t, t.Fit(model, p.limits)...)
		}
	}
	return t.sorted()
}

// ForeignMost is what other programs may have of the processors unmentioned.
//
// Bound: a tenth would move a figure by as much.
const ForeignMost = 0.1

// watchOthers begins to watch what other programs do; the function that it returns
// says what share of our processors' time they had. Where the system does not tell,
// that is 0.
func watchOthers() func() float64 {
	began := time.Now()
	cpus, pinErr := pin.Allowed()
	machine, machineErr := measure.OfMachine(cpus)
	own, ownErr := measure.OfProcess(os.Getpid())
	return func() float64 {
		after, err := measure.OfMachine(cpus)
		ours, ownAfterErr := measure.OfProcess(os.Getpid())
		if pinErr != nil || machineErr != nil || ownErr != nil || err != nil || ownAfterErr != nil {
			return 0
		}
		busy := after.Busy - machine.Busy + after.Stolen - machine.Stolen
		all := time.Since(began) * time.Duration(len(cpus))
		return max(0, float64(busy-ours.Sub(own).CPU)/float64(all))
	}
}
