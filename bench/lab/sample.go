package lab

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/server"
)

// The marks of samples.
const (
	markNotWarm   = "not warm"          // the warm-up ended before two windows agreed
	markLimited   = "generator-limited" // see load.Measured.GeneratorLimited
	markBound     = "generator-bound"   // see generatorBound
	markDisturbed = "disturbed"         // something else ran on our processors
	markAgain     = "taken again"       // because of that
)

// take takes the sample of a step: again, as often as the settings allow, if it
// was disturbed, and the least disturbed one counts.
func (l *Lab) take(ctx context.Context, s step) (result.Sample, error) {
	var best result.Sample
	var least float64
	for try := range l.retakes() + 1 {
		if try > 0 {
			l.retaken++
		}
		sample, v, err := l.once(ctx, s)
		if err != nil {
			return result.Sample{}, err
		}
		if try > 0 {
			sample.Marks = append(sample.Marks, markAgain)
		}
		if try == 0 || v.foreign < least {
			best, least = sample, v.foreign
		}
		if !v.disturbed() {
			break
		}
	}
	return best, nil
}

// retakeShare is how many samples may be taken again in a run, as a share of all.
//
// Bound: on a machine that is disturbed all the time, taking everything again would
// take three times as long and help nothing.
const retakeShare = 0.1

// retakes is how often the next sample may be taken again.
func (l *Lab) retakes() int {
	left := int(retakeShare*float64(len(l.order))) - l.retaken
	return max(0, min(l.settings.Retakes, left))
}

// once runs one server process and loads it.
func (l *Lab) once(ctx context.Context, s step) (result.Sample, verdict, error) {
	started := time.Now()
	srv, err := server.Start(ctx, server.Options{
		Backend: s.row.backend.Name, Loops: l.loops(s), Workload: s.place.scenario.Workload, Plan: l.settings.Plan,
	})
	if err != nil {
		return result.Sample{}, verdict{}, err
	}
	defer srv.Close()
	t := &taking{lab: l, step: s, srv: srv, sample: result.Sample{Step: s.result(), Started: started}}
	err = t.run(ctx)
	// A server that died is the reason for whatever the generator saw.
	//
	// Order: the server closes its connections first, so that the generator's end
	// of them needs no TIME_WAIT.
	if stopped := srv.Stop(); stopped != nil && ctx.Err() == nil {
		err = stopped
	}
	if t.gen != nil {
		if closed := t.gen.Close(); err == nil {
			err = closed
		}
	}
	return t.sample, t.verdict, err
}

// taking is a sample that is being taken.
type taking struct {
	lab  *Lab
	step step
	srv  *server.Process
	gen  *load.Process
	// generators is how many processes gen is.
	generators int

	reading scenario.Reading
	sample  result.Sample
	verdict verdict
}

// run opens the connections, warms up, and measures.
func (t *taking) run(ctx context.Context) error {
	p, set := t.step.place, t.lab.settings
	if p.searches() {
		return t.search(ctx)
	}
	groups := p.scenario.Groups(p.axes)
	if err := t.connect(ctx, groups); err != nil {
		return err
	}
	if works(groups) {
		_, warm, err := warmUp(ctx, t.gen, set.Window, set.Windows)
		if err != nil {
			return err
		}
		if !warm {
			t.mark(markNotWarm)
		}
	}
	if err := t.measure(ctx); err != nil {
		return err
	}
	if works(groups) {
		if err := t.countCalls(ctx); err != nil {
			return err
		}
	}
	if p.scenario.MemoryAfter {
		m, err := t.memory(ctx, scenario.Total(groups))
		if err != nil {
			return err
		}
		t.reading.After = &m
	}
	t.conclude()
	return nil
}

// conclude makes figures of what was read.
func (t *taking) conclude() {
	p := t.step.place
	t.sample.Figures = p.scenario.Figures(p.axes, t.reading)
	plan := t.lab.settings.Plan
	if generatorBound(t.reading.Outcome, t.sample.Figures, processorsOf(t.generators, plan.GeneratorCPUs),
		processorsOf(runtime.NumCPU(), plan.ServerCPUs)) {
		t.mark(markBound)
	}
	if t.verdict.known {
		t.sample.Figures[result.PressureDuring] = t.verdict.pressure
		t.sample.Figures[result.ForeignCPU] = t.verdict.foreign
	}
}

// works tells that messages are sent, so that there is something to warm up.
func works(groups []load.Group) bool {
	return slices.ContainsFunc(groups, func(g load.Group) bool { return g.Role != load.Idle })
}

// measure is the run that counts.
func (t *taking) measure(ctx context.Context) error {
	outcome, err := t.observe(ctx, t.gen)
	if err != nil {
		return err
	}
	if limited(outcome) {
		t.mark(markLimited)
	}
	t.reading.Outcome = outcome
	t.sample.Seconds = t.reading.Elapsed.Seconds()
	t.sample.Histograms = scenario.Histograms(outcome)
	return nil
}

// observe is a run with an eye on the server and on the others, who mark the sample
// where they had too much; the verdict is the worst of a sample's runs. The counters
// are read while no message is under way.
func (t *taking) observe(ctx context.Context, gen *load.Process) (load.Outcome, error) {
	others := watch(t.lab.settings.Plan)
	self0, _ := measure.OfSelf() // a system without it has no bystanders either
	before, err := t.srv.Usage(ctx)
	if err != nil {
		return load.Outcome{}, err
	}
	began := time.Now()
	outcome, err := gen.Run(ctx, t.lab.settings.Duration)
	if err != nil {
		return outcome, err
	}
	t.reading.Elapsed = time.Since(began)
	after, err := t.srv.Usage(ctx)
	if err != nil {
		return outcome, err
	}
	self1, _ := measure.OfSelf()
	if outcome.Void != "" {
		return outcome, voidError(outcome.Void)
	}
	used := after.Sub(before)
	t.reading.Server = &used
	t.judge(others.seen(used.CPU+outcome.CPU+self1.Sub(self0).CPU, t.lab.cpus()))
	return outcome, nil
}

// limited reports that the generator was late in a part of the load.
func limited(o load.Outcome) bool {
	return slices.ContainsFunc(o.Groups, func(g load.Measured) bool { return g.GeneratorLimited })
}

// judge keeps the worst verdict there was.
func (t *taking) judge(v verdict) {
	if !t.verdict.known || v.foreign > t.verdict.foreign {
		t.verdict = v
	}
	if t.verdict.disturbed() {
		t.mark(markDisturbed)
	}
}

// cpus is how many processors the two sides have.
func (l *Lab) cpus() int {
	plan := l.settings.Plan
	all := slices.Concat(plan.ServerCPUs, plan.GeneratorCPUs)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n > 0 {
		return n
	}
	return runtime.NumCPU()
}

// mark adds a mark once.
func (t *taking) mark(m string) {
	if !slices.Contains(t.sample.Marks, m) {
		t.sample.Marks = append(t.sample.Marks, m)
	}
}
