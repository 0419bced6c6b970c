package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/lab"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/report"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// modelsCommand measures what one unit of each model costs.
type modelsCommand struct {
	Profile scenario.Profile `default:"quick" help:"How thorough: quick is under a minute, full takes as long as it says before it starts (${default})."`
	Kinds   []string         `help:"What to measure: create, switch, memory, fit, job, share, crash. Default: all."`
	Models  []string         `help:"Of which models: C process, process, prefork, thread, goroutine, task, callback, connection. Default: all."`
	Rounds  *int             `help:"How often each figure is measured, in a process of its own. Default: the profile's."`
	Effort  *time.Duration   `help:"How long each timed part takes at least. Default: the profile's."`
	Seed    *uint64          `help:"Seed of the order. Default: by chance; it is stored."`
	JSON    string           `name:"json" placeholder:"FILE" help:"Write the results to this new file. Default: a file in the folder .bench."`
}

// The profiles. Six rounds are the fewest for an interval.
const (
	modelRoundsQuick, modelRoundsFull = 6, 10
	crashRoundsQuick, crashRoundsFull = 1, 6
	modelEffortQuick, modelEffortFull = 15 * time.Millisecond, 200 * time.Millisecond
	jobQuick, jobFull                 = 40 * time.Millisecond, 400 * time.Millisecond
	pauseQuick, pauseFull             = time.Millisecond, 5 * time.Millisecond
)

// pausesPerWorker is how often the workers of the largest crew pause.
//
// Bound: twice, so that their work does not begin and end with it.
const pausesPerWorker = 2

// An effort of trialEffort or less is a trial, as in the tests: everything else is
// made small, too.
const (
	trialEffort = time.Millisecond
	trialUnits  = 0.05
)

func (c *modelsCommand) settings() (models.Settings, error) {
	s := models.Settings{Models: c.Models, Kinds: c.Kinds, Rounds: modelRoundsQuick, CrashRounds: crashRoundsQuick, Seed: chooseSeed(c.Seed)}
	job := jobQuick
	s.Effort = models.Effort{Time: modelEffortQuick, Units: 1, PauseLength: pauseQuick}
	if c.Profile == scenario.Full {
		s.Rounds, s.CrashRounds, s.Effort.Time, s.Effort.PauseLength, job = modelRoundsFull, crashRoundsFull, modelEffortFull, pauseFull, jobFull
	}
	for _, k := range c.Kinds {
		if !slices.Contains(models.Kinds, k) {
			return s, refuse("--kinds: unknown kind %q; there are: %s", k, strings.Join(models.Kinds, ", "))
		}
	}
	for _, m := range c.Models {
		if !slices.Contains(models.Named, m) {
			return s, refuse("--models: unknown model %q; there are: %s", m, strings.Join(models.Named, ", "))
		}
	}
	if c.Rounds != nil {
		if err := checkPositive("rounds", *c.Rounds); err != nil {
			return s, err
		}
		s.Rounds, s.CrashRounds = *c.Rounds, min(*c.Rounds, s.CrashRounds)
	}
	if c.Effort != nil {
		if err := checkPositive("effort", *c.Effort); err != nil {
			return s, err
		}
		s.Effort.Time = *c.Effort
		if *c.Effort <= trialEffort {
			s.Effort.Units, job, s.Effort.PauseLength = trialUnits, *c.Effort, *c.Effort/10
		}
	}
	s.Effort.Rounds = models.RoundsIn(job)
	crews := models.Crews(runtime.NumCPU())
	s.Effort.Pauses = pausesPerWorker * crews[len(crews)-1]
	return s, nil
}

func (c *modelsCommand) Run(ctx context.Context, t *terminal) error {
	s, err := c.settings()
	if err != nil {
		return err
	}
	path, err := resultPath(c.JSON, time.Now())
	if err != nil {
		return err
	}
	file, err := measureModels(ctx, t, s, string(c.Profile), path)
	if err != nil {
		return err
	}
	if err := report.WriteModels(t.out, file); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "results in %s\n", path)
	return nil
}

// errNoProbes: the system is not Linux.
var errNoProbes = errors.New("nothing of this can be measured here: models are measured on Linux")

// measureModels runs a plan. The file has, after each step, what is known by then.
func measureModels(ctx context.Context, t *terminal, s models.Settings, profile, path string) (result.File, error) {
	plan := models.New(s)
	if len(models.Probes()) == 0 {
		return result.File{}, refuse("%w", errNoProbes)
	}
	if len(plan.Steps) == 0 {
		return result.File{}, refuse("--models, --kinds: none of these models has a figure of these kinds")
	}
	fmt.Fprintf(t.err, "%d measurements, each in a process of its own: about %v\n", len(plan.Steps), roundUp(plan.Estimate()))
	f := result.File{Run: modelsHead(s, profile, plan)}
	w, err := result.Create(path, f.Run)
	if err != nil {
		return result.File{}, refuse("--json: %w", err)
	}
	// The probes live as long as this thread.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	view := newProgress(t.err, len(plan.Steps))
	written := 0
	var full error // of the disk
	err = plan.Run(ctx, func(s models.Step) {
		view.step(fmt.Sprintf("round %d of %d", s.Round, f.Run.Rounds), s.What+" "+s.Model)
	}, func() error {
		f.Models, f.Run.Omitted = plan.Table(), plan.Failures
		if full = w.Replace(f); full == nil {
			written = plan.Taken
		}
		return full
	})
	view.end()
	for _, failure := range plan.Failures {
		fmt.Fprintln(t.err, "not measured:", failure)
	}
	if plan.Foreign > models.ForeignMost {
		fmt.Fprintf(t.err, "other programs had %s of the processors meanwhile: look at the intervals, or measure again\n", models.Percent(plan.Foreign))
	}
	f.End = &result.End{Finished: time.Now(), Interrupted: err != nil, Foreign: plan.Foreign}
	closed := w.Close(*f.End)
	if full == nil {
		full = closed
	}
	kept := fmt.Sprintf("%d of %d measurements are in %s", written, len(plan.Steps), path)
	switch {
	case full != nil:
		return result.File{}, refuse("%w; %s", full, kept)
	case errors.Is(err, context.Canceled):
		return result.File{}, interruptedError(kept)
	}
	return f, err
}

// modelsHead is what shapes the figures.
func modelsHead(s models.Settings, profile string, plan *models.Plan) result.Run {
	run := result.Run{
		Started: time.Now(), Argv: os.Args, Profile: profile, Host: measure.OfHost(),
		Sysctls: measure.Sysctls(), Environment: measure.Environment(),
		Seed: s.Seed, Rounds: s.Rounds, Order: plan.Order(),
		Settings: map[string]string{
			"timed part": s.Effort.Time.String(), "pause": s.Effort.PauseLength.String(),
			"pauses of a job": fmt.Sprint(s.Effort.Pauses), "rounds of calculation of a job": fmt.Sprint(s.Effort.Rounds),
			"crashes": fmt.Sprint(s.CrashRounds),
		},
	}
	maps.Copy(run.Settings, plan.Places())
	run.Plan, _ = pin.Choose(pin.None) // of this process; those of the probes are in Settings
	run.Revision, run.Modified = lab.Revision()
	return run
}

// probeCommand measures one probe in this process.
type probeCommand struct {
	Name        string        `required:""`
	Time        time.Duration `required:""`
	Units       float64       `required:""`
	Rounds      int           `required:""`
	Pauses      int           `required:""`
	PauseLength time.Duration `required:""`
}

func (c *probeCommand) Run(_ context.Context, t *terminal) error {
	p, err := models.Find(c.Name)
	if err != nil {
		return refuse("--name: %w", err)
	}
	figures, err := p.Measure(models.Effort{Time: c.Time, Units: c.Units, Rounds: c.Rounds, Pauses: c.Pauses, PauseLength: c.PauseLength})
	if err != nil {
		return err
	}
	return json.NewEncoder(t.out).Encode(figures)
}
