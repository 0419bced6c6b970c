package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/weft-go/weft/bench/lab"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/report"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// runCommand measures backends.
type runCommand struct {
	Profile  scenario.Profile `default:"quick" help:"How thorough: quick is under 90 seconds, full takes as long as it says before it starts (${default})."`
	Scenario []string         `help:"What to ask: ${scenarios}. Default: all of the profile, or echo where a flag says at which points."`
	Backends []string         `default:"${backends}" help:"Backends to compare (${default})."`
	Twice    string           `name:"aa" placeholder:"BACKEND" help:"Instead, measure this backend under two labels: no difference may be found."`
	Conns    []int            `help:"Numbers of connections, instead of the scenario's own."`
	Depth    []int            `help:"Messages of a batch, in echo."`
	Size     []int            `help:"Bytes per message, in echo and rate."`
	Rate     []int            `help:"Planned messages a second, in rate, slow and straggler."`
	Active   []int            `help:"How many of the connections are active at a time, in idle."`
	Rounds   *int             `help:"How often every backend is measured at every point. Default: the profile's."`
	Duration *time.Duration   `help:"Measured time per sample. Default: the profile's."`
	Warmup   *time.Duration   `help:"A window of the warm-up, of which two have to agree. Default: the profile's."`
	Seed     *uint64          `help:"Seed of the order and the payload. Default: by chance; it is printed."`
	JSON     string           `name:"json" placeholder:"FILE" help:"Write the results to this new file. Default: a file in the folder .bench."`
	Layout   pin.Layout       `default:"auto" help:"Where the two sides run: split, shared, none, or auto, which is split where that is possible."`
	Loops    *int             `help:"Event loops of the server. Default: its GOMAXPROCS."`
}

func (c *runCommand) Run(ctx context.Context, t *terminal) error {
	settings, err := c.settings()
	if err != nil {
		return err
	}
	l, err := lab.New(settings)
	if err != nil {
		return refuse("%w", err)
	}
	path, err := resultPath(c.JSON, time.Now())
	if err != nil {
		return err
	}
	for _, o := range l.Omitted {
		fmt.Fprintf(t.err, "not measured: %s\n", o)
	}
	order := l.Order()
	fmt.Fprintf(t.err, "%d samples, profile %s: about %v\n", len(order), settings.Profile, roundUp(l.Estimate()))

	// The servers and generators live as long as this thread. What this process
	// itself does is done beside the generator, not the server.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin.Process(settings.Plan.GeneratorCPUs); err != nil {
		return err
	}
	run, err := l.Head(ctx)
	if err != nil {
		return err
	}
	file, err := newRecording(path, run)
	if err != nil {
		return refuse("--json: %w", err)
	}
	view := newView(t.err, len(order))
	how, err := l.Run(ctx, file.keep, view.tell)
	view.end()
	if err := file.close(how, err); err != nil {
		return err
	}
	if err := c.tell(t, file, how); err != nil {
		return err
	}
	if len(how.Failures) > 0 {
		return errBackendFailed
	}
	if c.Twice != "" {
		return c.judgeTwice(t, file.file)
	}
	return nil
}

// tell prints the tables, and where the results are.
func (c *runCommand) tell(t *terminal, file *recording, how lab.Report) error {
	if err := report.WriteHead(t.out, file.file.Run); err != nil {
		return err
	}
	if err := report.WriteTables(t.out, file.file); err != nil {
		return err
	}
	if how.Cut != "" {
		fmt.Fprintln(t.out, how.Cut)
	}
	fmt.Fprintf(t.out, "\nresults in %s\n", file.path) // also where the page finds no room
	page, err := file.writePage()
	if err != nil {
		return err
	}
	fmt.Fprintln(t.out, "report in", page)
	return nil
}

// settings refuses what cannot be measured, before anything is started.
func (c *runCommand) settings() (lab.Settings, error) {
	s := lab.Of(c.Profile)
	loops, err := checkLoops(c.Loops)
	plan, planErr := choosePlan(c.Layout)
	scenarios, scenariosErr := c.scenarios()
	for _, problem := range []error{err, planErr, scenariosErr, c.checkBackends(), c.checkAxes(), c.checkTimes()} {
		if problem != nil {
			return s, problem
		}
	}
	s.Scenarios, s.Backends, s.Twice, s.Loops, s.Plan = scenarios, c.Backends, c.Twice, loops, plan
	s.Seed = chooseSeed(c.Seed)
	s.Overrides = map[string][]float64{
		scenario.Conns: floats(c.Conns), scenario.Depth: floats(c.Depth), scenario.Size: floats(c.Size),
		scenario.Rate: floats(c.Rate), scenario.Active: floats(c.Active),
	}
	if c.Twice != "" {
		s.Rounds = roundsTwice
	}
	if c.Rounds != nil {
		s.Rounds = *c.Rounds
	}
	if c.Duration != nil {
		s.Duration = *c.Duration
	}
	if c.Warmup != nil {
		s.Window = *c.Warmup
	}
	if c.Rounds != nil || c.Duration != nil || c.Twice != "" {
		s.Budget = 0 // who says how much wants so much
	}
	return s, nil
}

// roundsTwice is the fewest rounds of a run that must find no difference, if it is
// not told otherwise.
//
// Bound: with fewer, no difference could be proved in any of a dozen figures that
// are tested at once, so that finding none would say nothing.
const roundsTwice = 12

// scenarios are those that are asked for: where a flag moves the points, and none
// is named, only echo.
func (c *runCommand) scenarios() ([]scenario.Scenario, error) {
	names := c.Scenario
	if len(names) == 0 && (len(c.Conns) > 0 || len(c.Depth) > 0 || len(c.Size) > 0 || c.Twice != "") {
		names = []string{"echo"}
	}
	if len(names) == 0 {
		return scenario.Of(c.Profile), nil
	}
	if name, twice := repeated(names); twice {
		return nil, refuse("--scenario: %s is given twice", name)
	}
	var found []scenario.Scenario
	for _, name := range names {
		s, err := scenario.Find(name)
		if err != nil {
			return nil, refuse("--scenario: %w", err)
		}
		found = append(found, s)
	}
	return found, nil
}

// judgeTwice says what a run of the same backend under two labels has found.
func (c *runCommand) judgeTwice(t *terminal, f result.File) error {
	compared, found := report.Twice(f)
	if compared == 0 {
		return errors.New("too few rounds to find any difference: six are the fewest")
	}
	for _, d := range found {
		fmt.Fprintln(t.out, "a difference where there is none:", d)
	}
	if len(found) > 0 {
		return fmt.Errorf("%d of %d comparisons of a backend with itself found a difference", len(found), compared)
	}
	fmt.Fprintf(t.out, "%d comparisons of %s with itself: no difference found\n", compared, c.Twice)
	return nil
}

// roundUp makes an estimate look like one.
func roundUp(d time.Duration) time.Duration {
	switch {
	case d < time.Minute:
		return d.Round(time.Second) + time.Second
	case d < time.Hour:
		return d.Round(10 * time.Second)
	}
	return d.Round(time.Minute)
}
