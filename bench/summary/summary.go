package summary

import (
	"maps"
	"slices"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
)

// Summary is what a file says.
type Summary struct {
	// Points are in the order in which the file has them first; those of a scenario
	// follow each other.
	Points []Point
	// Metrics are those that any sample has, in the registry's order, and then
	// those that this program does not know.
	Metrics []result.Metric
}

// Point is one place in the space of scenarios.
type Point struct {
	result.Point
	// Rows are in the order of result.Run.Backends.
	Rows []Row
}

// Row is one backend at one point.
type Row struct {
	Backend string
	// Cells by the metric's name.
	Cells map[string]Cell
	// Samples is how many can be used, Void how many cannot, and Why is the first
	// of their reasons.
	Samples, Void int
	Why           string
	// Marks is how many of the samples have which.
	Marks map[string]int
}

// Cell is one figure.
type Cell struct {
	Median stats.Interval
	// Against is the paired comparison with the reference, and P its p-value after
	// Holm's correction for all backends that are compared in it at this point.
	Against stats.Comparison
	P       float64
}

// Verdict is what the comparison with the reference proves.
func (c Cell) Verdict() stats.Verdict { return c.Against.Verdict(c.P) }

// Of summarises a file.
func Of(f result.File) Summary {
	s := Summary{Metrics: metrics(f.Samples)}
	for _, sample := range f.Samples {
		key := sample.Point.Key()
		if !slices.ContainsFunc(s.Points, func(p Point) bool { return p.Key() == key }) {
			s.Points = append(s.Points, Point{Point: sample.Point})
		}
	}
	scenarios := map[string]int{}
	for _, p := range s.Points {
		if _, seen := scenarios[p.Scenario]; !seen {
			scenarios[p.Scenario] = len(scenarios)
		}
	}
	slices.SortStableFunc(s.Points, func(a, b Point) int { return scenarios[a.Scenario] - scenarios[b.Scenario] })
	for i := range s.Points {
		s.Points[i].Rows = rows(f, s.Points[i].Key())
	}
	for _, p := range s.Points {
		for _, m := range s.Metrics {
			p.correct(m.Name, f.Run.Reference)
		}
	}
	return s
}

// Find returns the row of a backend; ok is false where it was not measured.
func (p Point) Find(backend string) (row Row, ok bool) {
	i := slices.IndexFunc(p.Rows, func(r Row) bool { return r.Backend == backend })
	if i < 0 {
		return Row{}, false
	}
	return p.Rows[i], true
}

// Shown are those of the names that any row has, in the order of the names.
func (p Point) Shown(all []result.Metric, names []string) (shown []result.Metric) {
	for _, name := range names {
		i := slices.IndexFunc(all, func(m result.Metric) bool { return m.Name == name })
		if i >= 0 && slices.ContainsFunc(p.Rows, func(r Row) bool { _, has := r.Cells[name]; return has }) {
			shown = append(shown, all[i])
		}
	}
	return shown
}

// metrics lists those that the samples have.
func metrics(samples []result.Sample) []result.Metric {
	seen := map[string]bool{}
	for _, s := range samples {
		for name := range s.Figures {
			seen[name] = true
		}
	}
	var found []result.Metric
	for _, m := range result.Metrics {
		if seen[m.Name] {
			found = append(found, m)
			delete(seen, m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		found = append(found, result.Metric{Name: name, Title: name, Long: name, Digits: 2})
	}
	return found
}

// rows makes the rows of one point.
func rows(f result.File, key string) []Row {
	values := map[string]map[string]map[int]float64{} // backend, metric, round
	found := map[string]*Row{}
	for _, s := range f.Samples {
		if s.Point.Key() != key {
			continue
		}
		row := found[s.Backend]
		if row == nil {
			row = &Row{Backend: s.Backend, Marks: map[string]int{}}
			found[s.Backend], values[s.Backend] = row, map[string]map[int]float64{}
		}
		if s.Void != "" {
			if row.Void++; row.Why == "" {
				row.Why = s.Void
			}
			continue
		}
		row.Samples++
		for _, mark := range s.Marks {
			row.Marks[mark]++
		}
		for name, v := range s.Figures {
			if values[s.Backend][name] == nil {
				values[s.Backend][name] = map[int]float64{}
			}
			values[s.Backend][name][s.Round] = v
		}
	}
	var ordered []Row
	for _, b := range f.Run.Backends {
		row := found[b.Name]
		if row == nil {
			continue
		}
		row.Cells = map[string]Cell{}
		for name, byRound := range values[b.Name] {
			var all []float64
			for _, v := range byRound {
				all = append(all, v)
			}
			row.Cells[name] = Cell{
				Median:  stats.Median(all),
				Against: stats.Pair(byRound, values[f.Run.Reference][name]),
			}
		}
		ordered = append(ordered, *row)
	}
	return ordered
}

// correct fills the corrected p-values of one metric, which are a column of a table:
// those that a reader takes in at once. The reference is not compared with itself, so
// it takes no part.
func (p Point) correct(metric, reference string) {
	var cells []map[string]Cell
	var ps []float64
	for _, row := range p.Rows {
		cell, ok := row.Cells[metric]
		if !ok {
			continue
		}
		cell.P = cell.Against.P
		row.Cells[metric] = cell
		if row.Backend != reference && cell.Against.Ratio.N > 0 {
			cells, ps = append(cells, row.Cells), append(ps, cell.Against.P)
		}
	}
	for i, corrected := range stats.Holm(ps) {
		cell := cells[i][metric]
		cell.P = corrected
		cells[i][metric] = cell
	}
}
