package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/weft-go/weft/bench/child"
)

// answerLimit is how much longer than the work takes a generator process may
// take to answer.
//
// Bound: it ends stalls by itself (stallLimit); this is for one that
// is stopped or starved.
const answerLimit = time.Minute

// generatorProcs is the GOMAXPROCS of a generator process, also on one CPU.
//
// Bound: one for the thread of the engine, and one that is idle. Without that one,
// Go's monitor takes the engine's away whenever it waits for 20 us, for goroutines
// that might want it, and that costs 2 to 3 % of the messages per CPU second.
const generatorProcs = 2

// Process is the generator in a process of its own, or in several where one may
// not have so many descriptors. It has to be closed. After an error, and after a
// void outcome, it can only be closed. Its methods belong to one goroutine.
type Process struct {
	spec     Spec
	children []*child.Process
}

// Start starts the generator on cpus; with none the kernel chooses. It is this
// program, with the arguments "load --control". Errors: ErrSpec, ErrDescriptors,
// ErrPorts, those of a process that cannot be started, ctx.Err(). Who may call: see
// [child.Start].
func Start(ctx context.Context, s Spec, cpus []int) (*Process, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	limit, err := RaiseDescriptors()
	if err != nil {
		return nil, err
	}
	return start(ctx, s, cpus, max(int(min(limit, math.MaxInt32))-descriptorReserve, 0))
}

// start starts as many processes as it takes if so many connections fit in one.
func start(ctx context.Context, s Spec, cpus []int, fit int) (*Process, error) {
	to, err := s.target()
	if err != nil {
		return nil, err
	}
	total := 0
	for _, g := range s.Groups {
		total += g.Conns
	}
	if from := newSources(to); total > from.fit() {
		return nil, fmt.Errorf("%w: %d connections to %s, and there are ports for %d", ErrPorts, total, s.Server, from.fit())
	}
	parts, err := s.parts(fit)
	if err != nil {
		return nil, err
	}
	p := &Process{spec: s}
	for i := range parts {
		c, err := child.Start(child.Options{
			Name: "generator",
			Args: []string{"load", "--control"},
			Env:  []string{"GOMAXPROCS=" + strconv.Itoa(generatorProcs)},
			CPUs: cpus,
		})
		if err == nil {
			p.children = append(p.children, c)
			_, err = ask(ctx, []*child.Process{c}, request{Do: doOpen, Spec: &parts[i]}, answerLimit)
		}
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	return p, nil
}

// Dial opens connections until conns of them are open, in the order of the groups,
// or all with 0. Connections of Churn groups are not counted: they are opened in
// runs. Errors: ErrConnect, ErrPorts, ErrDescriptors, ErrStalled, those of Run.
func (p *Process) Dial(ctx context.Context, conns int) (Dialed, error) {
	limit := answerLimit
	if p.spec.ConnectRate > 0 {
		takes := nanoseconds(float64(p.spec.standing()) / p.spec.ConnectRate * float64(time.Second))
		limit += min(takes, math.MaxInt64-limit)
	}
	n := len(p.children)
	requests := make([]request, n)
	for i := range requests {
		requests[i].Do = doDial
		if conns > 0 && conns < p.spec.standing() { // else all of its part
			share := conns*(i+1)/n - conns*i/n
			requests[i].Conns = &share
		}
	}
	answers, err := askEach(ctx, p.children, requests, limit)
	if err != nil {
		return Dialed{}, err
	}
	sum := *answers[0].Dialed
	for _, a := range answers[1:] {
		sum.Conns += a.Dialed.Conns
		sum.Elapsed = max(sum.Elapsed, a.Dialed.Elapsed)
		sum.Processes += a.Dialed.Processes
		if sum.Connect, err = merge(sum.Connect, a.Dialed.Connect); err != nil {
			return Dialed{}, err
		}
	}
	if to, err := p.spec.target(); err == nil { // processes may share an address
		from := newSources(to)
		sum.Sources = from.used(p.spec.First, sum.Conns)
	}
	return sum, nil
}

// Touch sends one batch on every connection that was not used yet, and returns
// when it is back. Errors are those of Run.
func (p *Process) Touch(ctx context.Context) error {
	_, err := ask(ctx, p.children, request{Do: doTouch}, answerLimit)
	return err
}

// Run runs the load for d, and returns when everything that was sent is back.
// Errors: ErrWrongByte, ErrSurplus, ErrClosed, ErrStalled, ErrConnect, ErrHTTP,
// ctx.Err(), or how a generator process ended.
func (p *Process) Run(ctx context.Context, d time.Duration) (Outcome, error) {
	answers, err := ask(ctx, p.children, request{Do: doRun, Duration: d}, d+answerLimit)
	if err != nil {
		return Outcome{}, err
	}
	outcomes := make([]*Outcome, len(answers))
	for i := range answers {
		outcomes[i] = answers[i].Outcome
	}
	return mergeOutcomes(outcomes)
}

// Close resets all connections and ends the processes. An error says how one
// ended, if not well.
func (p *Process) Close() error {
	var failures []error
	for _, c := range p.children {
		failures = append(failures, c.Stop())
		c.Close()
	}
	p.children = nil
	return errors.Join(failures...)
}

// ask asks the same of all children.
func ask(ctx context.Context, children []*child.Process, r request, limit time.Duration) ([]answer, error) {
	requests := make([]request, len(children))
	for i := range requests {
		requests[i] = r
	}
	return askEach(ctx, children, requests, limit)
}

// askEach lets the children work at the same time: all are asked before any
// answer is read.
func askEach(ctx context.Context, children []*child.Process, requests []request, limit time.Duration) ([]answer, error) {
	for i, c := range children {
		line, err := json.Marshal(requests[i])
		if err != nil {
			return nil, err
		}
		if err := c.Say(string(line)); err != nil {
			return nil, err
		}
	}
	answers := make([]answer, len(children))
	for i, c := range children {
		line, err := c.Line(ctx, limit)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(line), &answers[i]); err != nil {
			return nil, fmt.Errorf("load: a generator process said %q: %w", line, err)
		}
		if err := answers[i].err(requests[i].Do); err != nil {
			return nil, err
		}
	}
	return answers, nil
}
