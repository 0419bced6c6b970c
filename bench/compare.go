package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/report"
)

// compareCommand measures backends under load.
type compareCommand struct {
	Backends []string      `default:"${backends}" help:"Backends to compare (${default})."`
	Conns    []int         `default:"1,100,5000" help:"Numbers of connections (${default})."`
	Depth    int           `default:"1" help:"Messages under way per connection (${default})."`
	Size     int           `default:"64" help:"Bytes per message (${default})."`
	Rounds   int           `default:"3" help:"How often every backend is measured (${default})."`
	Duration time.Duration `default:"500ms" help:"Measured time per sample (${default})."`
	Warmup   time.Duration `default:"100ms" help:"Time before it that is not measured (${default})."`
	Seed     *uint64       `help:"Seed of the order and the payload. Default: by chance; it is printed."`
	JSON     string        `name:"json" placeholder:"FILE" help:"Write all figures to FILE."`
	Layout   pin.Layout    `default:"auto" help:"Where the two sides run: split, shared, none, or auto, which is split where that is possible."`
	Loops    *int          `help:"Event loops of the server. Default: its GOMAXPROCS."`
}

func (c *compareCommand) Run(ctx context.Context, t *terminal) error {
	settings, plan, err := c.check()
	if err != nil {
		return err
	}
	host, procs := measure.OfHost(), runtime.GOMAXPROCS(0)
	var file *report.File
	if c.JSON != "" {
		if file, err = report.Create(c.JSON); err != nil {
			return refuse("--json: %w", err)
		}
		defer file.Close()
	}

	// This goroutine is the generator, and starts the servers. They live as
	// long as its thread, and the thread is pinned with all others.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin.Process(plan.GeneratorCPUs); err != nil {
		return err
	}
	r := &report.Report{
		Schema:     report.Schema,
		Started:    time.Now(),
		Argv:       os.Args,
		Host:       host,
		GOMAXPROCS: procs,
		Plan:       plan,
		Settings:   settings,
		Order:      schedule(settings),
	}
	failed, err := takeSamples(ctx, r, newProgress(t.err, len(r.Order)))
	if err != nil {
		return err
	}
	for _, conns := range settings.Conns {
		for _, name := range settings.Backends {
			row := report.Row{Backend: name, Conns: conns, Failed: failed[cell{name, conns}]}
			if row.Failed == "" {
				row = report.Summarize(r.Samples, name, conns, settings.Reference)
			} else {
				row.Median, row.Ratio = report.Unmeasured(), report.Unmeasured()
			}
			r.Rows = append(r.Rows, row)
		}
	}
	if file != nil {
		if err := file.Write(r); err != nil {
			return err
		}
	}
	fmt.Fprintf(t.out, "%s, %s %s, %s\nlayout %v\nseed %d\n\n", host.Go, host.OS, host.Kernel, host.CPU, plan, settings.Seed)
	if err := r.WriteTable(t.out); err != nil {
		return err
	}
	if len(failed) > 0 {
		return errBackendFailed
	}
	return nil
}

// check refuses what cannot be measured, before anything is started.
func (c *compareCommand) check() (report.Settings, pin.Plan, error) {
	var s report.Settings
	loops, err := checkLoops(c.Loops)
	plan, planErr := choosePlan(c.Layout)
	if len(c.Conns) == 0 {
		err = refuse("--conns: no number given")
	}
	for i, conns := range c.Conns {
		if err == nil {
			err = checkConns(conns)
		}
		if err == nil && slices.Contains(c.Conns[:i], conns) {
			err = refuse("--conns: %d is given twice", conns)
		}
	}
	for _, problem := range []error{
		err, planErr, checkBackends(c.Backends), checkBatch(c.Depth, c.Size), checkPositive("rounds", c.Rounds),
		checkPositive("duration", c.Duration), checkPositive("warmup", c.Warmup),
	} {
		if problem != nil {
			return s, plan, problem
		}
	}
	return report.Settings{
		Backends: c.Backends, Conns: c.Conns, Depth: c.Depth, Size: c.Size, Rounds: c.Rounds,
		Duration: c.Duration, Warmup: c.Warmup, Loops: loops, Seed: chooseSeed(c.Seed), Reference: backend.Floor,
	}, plan, nil
}

// schedule is a randomised block design: every round measures every backend
// once with every number of connections. The backends of one block run one
// after the other, in an order by chance, so that they share the machine's
// mood and none always runs first.
func schedule(s report.Settings) []report.Step {
	chance := rand.New(rand.NewPCG(s.Seed, 0))
	var steps []report.Step
	for round := range s.Rounds {
		for _, conns := range s.Conns {
			for _, i := range chance.Perm(len(s.Backends)) {
				steps = append(steps, report.Step{Round: round + 1, Conns: conns, Backend: s.Backends[i]})
			}
		}
	}
	return steps
}

// cell is a place in the tables.
type cell struct {
	backend string
	conns   int
}

// takeSamples fills r.Samples. A backend that fails with some number of
// connections is not tried with it again; why is in the map. The error is the
// end of ctx.
func takeSamples(ctx context.Context, r *report.Report, p *progress) (map[cell]string, error) {
	defer p.end()
	failed := map[cell]string{}
	for _, step := range r.Order {
		at := cell{step.Backend, step.Conns}
		p.step(fmt.Sprintf("round %d of %d, %d connections", step.Round, r.Settings.Rounds, step.Conns), step.Backend)
		if failed[at] != "" {
			continue
		}
		sample, err := takeSample(ctx, r, step)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			failed[at] = err.Error()
			continue
		}
		r.Samples = append(r.Samples, sample)
	}
	return failed, nil
}
