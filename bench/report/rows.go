package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
)

// Row is what the samples of one backend at one point say.
type Row struct {
	Backend string
	// Failed is why there are no figures; empty if there are.
	Failed string
	// Median of each metric that was measured, and Ratio to the reference.
	Median map[string]stats.Interval
	Ratio  map[string]stats.Comparison
	// Marks are how many of the samples have each mark.
	Samples int
	Marks   map[string]int
}

// Points lists where there are samples, in the order in which they were taken
// first.
func Points(f result.File) []result.Point {
	var points []result.Point
	seen := map[string]bool{}
	for _, s := range f.Samples {
		if key := s.Point.Key(); !seen[key] {
			seen[key] = true
			points = append(points, s.Point)
		}
	}
	return points
}

// Rows are those of all backends that were tried at a point, in the order of the
// run's head.
func Rows(f result.File, at result.Point) []Row {
	key := at.Key()
	byBackend := map[string][]result.Sample{}
	for _, s := range f.Samples {
		if s.Point.Key() == key {
			byBackend[s.Backend] = append(byBackend[s.Backend], s)
		}
	}
	reference := byBackend[f.Run.Reference]
	var rows []Row
	for _, b := range f.Run.Backends {
		if samples := byBackend[b.Name]; len(samples) > 0 {
			rows = append(rows, summarize(b.Name, samples, reference))
		}
	}
	return rows
}

func summarize(name string, samples, reference []result.Sample) Row {
	row := Row{Backend: name, Median: map[string]stats.Interval{}, Ratio: map[string]stats.Comparison{}, Marks: map[string]int{}}
	for _, s := range samples {
		if s.Void != "" {
			row.Failed = s.Void
			continue
		}
		row.Samples++
		for _, m := range s.Marks {
			row.Marks[m]++
		}
	}
	for _, m := range result.Metrics {
		mine := byRound(samples, m.Name)
		if len(mine) == 0 {
			continue
		}
		row.Median[m.Name] = stats.Median(slices.Collect(maps.Values(mine)))
		if c := stats.Pair(mine, byRound(reference, m.Name)); c.Ratio.N > 0 {
			row.Ratio[m.Name] = c
		}
	}
	return row
}

// byRound is a figure by the round it is of.
func byRound(samples []result.Sample, metric string) map[int]float64 {
	values := map[int]float64{}
	for _, s := range samples {
		if v, ok := s.Figures[metric]; ok && s.Void == "" {
			values[s.Round] = v
		}
	}
	return values
}

// marks tells how many samples have which mark: "2 of 6 not warm".
func (r Row) marks() string {
	var parts []string
	for _, m := range slices.Sorted(maps.Keys(r.Marks)) {
		parts = append(parts, fmt.Sprintf("%d of %d %s", r.Marks[m], r.Samples, m))
	}
	return strings.Join(parts, ", ")
}
