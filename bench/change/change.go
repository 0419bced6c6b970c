package change

import (
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

// Judged reports whether the figure has a better and a worse. The others are the
// circumstances: how busy the two sides were, what else ran.
func (c Change) Judged() bool { return c.Metric.Compares() }

// Improved reports whether the figure went the better way.
func (c Change) Improved() bool {
	return c.Metric.Better == result.Lower && c.Factor < 1 || c.Metric.Better == result.Higher && c.Factor > 1
}

// Of compares what both files have, in the order of the first.
func Of(before, after result.File) (all []Change) {
	old, now := summary.Of(before), summary.Of(after)
	reference := "" // of both
	if before.Run.Reference == after.Run.Reference {
		reference = before.Run.Reference
	}
	was, is := placesOf(before), placesOf(after)
	for _, p := range old.Points {
		i := slices.IndexFunc(now.Points, func(q summary.Point) bool { return q.Key() == p.Key() })
		if i < 0 {
			continue
		}
		for _, m := range old.Metrics {
			all = append(all, column(was, is, p, now.Points[i], m, reference)...)
		}
	}
	all = append(all, ofModels(before, after)...)
	correct(all, true)
	correct(all, false)
	return all
}

// correct fills the corrected p-values of the figures that have a better and a worse,
// or of the others, all of a kind together: what is shown of them are those that have
// changed, wherever they are.
func correct(all []Change, judged bool) {
	var places []int
	var ps []float64
	for i, c := range all {
		if c.Judged() == judged {
			places, ps = append(places, i), append(ps, c.P)
		}
	}
	for k, p := range stats.Discover(ps) {
		all[places[k]].P = p
	}
}

// column is one metric at one point; reference is that of both files, or empty.
func column(before, after places, old, now summary.Point, m result.Metric, reference string) (all []Change) {
	key := old.Key()
	for _, row := range old.Rows {
		was, ok := row.Cells[m.Name]
		other, _ := now.Find(row.Backend)
		is, both := other.Cells[m.Name]
		if !ok || !both {
			continue
		}
		c := Change{Point: old.Point, Backend: row.Backend, Metric: m, Before: was.Median, After: is.Median}
		c.Relative = reference != "" && m.Relates() && row.Backend != reference && was.Against.Ratio.N > 0 && is.Against.Ratio.N > 0
		a, b := before.values(key, row.Backend, m.Name), after.values(key, row.Backend, m.Name)
		if c.Relative {
			a = quotients(a, before.values(key, reference, m.Name))
			b = quotients(b, after.values(key, reference, m.Name))
		}
		as, bs := list(a), list(b)
		c.Factor = stats.Median(bs).Center / stats.Median(as).Center
		c.P, c.Enough = stats.Unpaired(as, bs)
		all = append(all, c)
	}
	return all
}

// places are the usable samples of a file by where they were taken.
type places map[place][]result.Sample

type place struct{ point, backend string }

func placesOf(f result.File) places {
	all := places{}
	for _, s := range f.Samples {
		if s.Void == "" {
			at := place{s.Point.Key(), s.Backend}
			all[at] = append(all[at], s)
		}
	}
	return all
}

// values are the figures of a backend at a point, by round.
func (p places) values(point, backend, metric string) map[int]float64 {
	found := map[int]float64{}
	for _, s := range p[place{point, backend}] {
		if v, ok := s.Figures[metric]; ok {
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
