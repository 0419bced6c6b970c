package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/weft-go/weft/bench/change"
	"github.com/weft-go/weft/bench/report"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// compareCommand says what changed between two result files.
type compareCommand struct {
	Before string `arg:"" help:"A result file."`
	After  string `arg:"" help:"A later one."`
	All    bool   `help:"Show what has not changed, too."`
}

func (c *compareCommand) Run(_ context.Context, t *terminal) error {
	before, err := result.Read(c.Before)
	if err != nil {
		return refuse("%w", err)
	}
	after, err := result.Read(c.After)
	if err != nil {
		return refuse("%w", err)
	}
	all := change.Of(before, after)
	switch {
	case len(before.Models)+len(after.Models) > 0 && len(all) == 0:
		return refuse("%s and %s have no figure about models in common, with its single values; older files have none", c.Before, c.After)
	case len(all) == 0:
		return refuse("%s and %s have no point, backend and figure in common", c.Before, c.After)
	}
	for _, d := range change.Differences(before.Run, after.Run) {
		fmt.Fprintln(t.out, "not the same:", d)
	}
	for _, one := range []struct {
		name        string
		file, other result.File
	}{{c.Before, before, after}, {c.After, after, before}} {
		if how := change.Unfinished(one.file); how != "" {
			fmt.Fprintf(t.out, "%s: %s\n", one.name, how)
		}
		if alone := change.Alone(one.file, one.other); alone != "" {
			fmt.Fprintf(t.out, "only in %s: %s\n", one.name, alone)
		}
	}
	return c.tell(t, all)
}

// tell prints the table and how much of it there is. Figures that are neither better
// nor worse are the circumstances, and counted by themselves.
func (c *compareCommand) tell(t *terminal, all []change.Change) error {
	figures, changed, around, moved, few := 0, 0, 0, 0, 0
	var rows []report.ChangeRow
	for _, one := range all {
		real := 0
		if one.Real() {
			real = 1
		}
		if one.Judged() {
			figures, changed = figures+1, changed+real
		} else {
			around, moved = around+1, moved+real
		}
		if !one.Enough {
			few++
		}
		if one.Real() || c.All && inTable(one) {
			rows = append(rows, changeRow(one))
		}
	}
	if err := report.WriteChanges(t.out, rows); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%d of %d figures have changed", changed, figures)
	if around > 0 {
		fmt.Fprintf(t.out, ", and %d of %d circumstances", moved, around)
	}
	if few > 0 {
		fmt.Fprintf(t.out, "; %d have too few samples to prove a change", few)
	}
	if len(rows) > 0 {
		fmt.Fprint(t.out, "\np is corrected for all figures together, so that of the changes one in twenty is chance (Benjamini and Hochberg)")
	}
	fmt.Fprintln(t.out)
	return nil
}

// inTable reports whether a scenario's own table has the figure.
func inTable(c change.Change) bool {
	s, err := scenario.Find(c.Point.Scenario)
	return err != nil || slices.Contains(s.Shows, c.Metric.Name)
}

// where is a point, or a quantity of models, which mostly has no axes.
func where(p result.Point) string {
	if len(p.Axes) == 0 {
		return p.Scenario
	}
	return p.Scenario + ", " + scenario.Describe(p.Axes)
}

func changeRow(c change.Change) report.ChangeRow {
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', c.Metric.Digits, 64) }
	r := report.ChangeRow{
		Where: where(c.Point), Backend: c.Backend, Metric: c.Metric.Title,
		Before: number(c.Before.Center), After: number(c.After.Center),
		Factor: strconv.FormatFloat(c.Factor, 'f', 3, 64), P: strconv.FormatFloat(c.P, 'f', 4, 64),
	}
	if c.Relative {
		r.Factor += " (ratio to the reference)"
	}
	switch {
	case !c.Enough:
		r.Verdict = "too few samples"
	case !c.Real():
		r.Verdict = "no change seen"
	case !c.Judged():
		r.Verdict = "changed"
	case c.Improved():
		r.Verdict = "better"
	default:
		r.Verdict = "worse"
	}
	return r
}
