package change

import (
	"fmt"
	"slices"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/bench/summary"
)

// Change is one figure in two files.
type Change struct {
	Point   result.Point
	Backend string
	Metric  result.Metric
	// Before and After are the medians as they were measured.
	Before, After stats.Interval
	// Factor is by how much the figure has changed; Relative tells that it is the
	// ratio to the reference that was compared.
	Factor   float64
	Relative bool
	// P is the corrected p-value; Enough tells that there were enough samples to
	// prove a change.
	P      float64
	Enough bool
}

// Real reports whether the change is proved.
func (c Change) Real() bool { return c.Enough && c.P <= stats.Alpha }

// Improved reports whether the figure went the better way.
func (c Change) Improved() bool {
	return c.Metric.Better == result.Lower && c.Factor < 1 || c.Metric.Better == result.Higher && c.Factor > 1
}

// Of compares what both files have, in the order of the first.
func Of(before, after result.File) (all []Change) {
	old, now := summary.Of(before), summary.Of(after)
	relative := before.Run.Reference == after.Run.Reference
	for _, p := range old.Points {
		i := slices.IndexFunc(now.Points, func(q summary.Point) bool { return q.Key() == p.Key() })
		if i < 0 {
			continue
		}
		for _, m := range old.Metrics {
			all = append(all, column(before, after, p, now.Points[i], m, relative)...)
		}
	}
	return all
}

// column is one metric at one point.
func column(before, after result.File, old, now summary.Point, m result.Metric, relative bool) (all []Change) {
	reference := before.Run.Reference
	var ps []float64
	for _, row := range old.Rows {
		was, ok := row.Cells[m.Name]
		other, _ := now.Find(row.Backend)
		is, both := other.Cells[m.Name]
		if !ok || !both {
			continue
		}
		c := Change{Point: old.Point, Backend: row.Backend, Metric: m, Before: was.Median, After: is.Median}
		c.Relative = relative && row.Backend != reference && was.Against.Ratio.N > 0 && is.Against.Ratio.N > 0
		a, b := values(before, old.Key(), row.Backend, m.Name), values(after, old.Key(), row.Backend, m.Name)
		if c.Relative {
			a = quotients(a, values(before, old.Key(), reference, m.Name))
			b = quotients(b, values(after, old.Key(), reference, m.Name))
		}
		as, bs := list(a), list(b)
		c.Factor = stats.Median(bs).Center / stats.Median(as).Center
		c.P, c.Enough = stats.Unpaired(as, bs)
		all, ps = append(all, c), append(ps, c.P)
	}
	for i, p := range stats.Holm(ps) {
		all[i].P = p
	}
	return all
}

// values are the usable figures of a backend, by round.
func values(f result.File, point, backend, metric string) map[int]float64 {
	found := map[int]float64{}
	for _, s := range f.Samples {
		if v, ok := s.Figures[metric]; ok && s.Void == "" && s.Backend == backend && s.Point.Key() == point {
			found[s.Round] = v
		}
	}
	return found
}

// quotients leaves out rounds that only one side has.
func quotients(mine, theirs map[int]float64) map[int]float64 {
	found := map[int]float64{}
	for round, m := range mine {
		if t := theirs[round]; t > 0 {
			found[round] = m / t
		}
	}
	return found
}

func list(byRound map[int]float64) (values []float64) {
	for _, v := range byRound {
		values = append(values, v)
	}
	slices.Sort(values)
	return values
}

// Differences are what else differs between two runs, and may be the reason of a
// change.
func Differences(before, after result.Run) (all []string) {
	for _, d := range []struct {
		what     string
		was, now any
	}{
		{"the machine", before.Host, after.Host},
		{"the layout", before.Plan, after.Plan},
		{"the profile", before.Profile, after.Profile},
		{"the revision", before.Revision, after.Revision},
	} {
		if was, now := fmt.Sprint(d.was), fmt.Sprint(d.now); was != now {
			all = append(all, fmt.Sprintf("%s: %s, and now %s", d.what, was, now))
		}
	}
	for name, was := range before.Sysctls {
		if now, ok := after.Sysctls[name]; ok && now != was {
			all = append(all, fmt.Sprintf("%s: %s, and now %s", name, was, now))
		}
	}
	slices.Sort(all)
	return all
}
