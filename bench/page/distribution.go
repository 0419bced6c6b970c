package page

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/weft-go/weft/bench/export"
	"github.com/weft-go/weft/bench/plot"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/summary"
)

// maxDistributions is how many points of a scenario have a plot of the distribution
// of latency.
//
// Bound: few enough to be looked at; the raw histograms of all are in the file.
const maxDistributions = 3

// spread takes up to n of the points: the first, the last, and evenly between.
func spread(points []summary.Point, n int) []summary.Point {
	if len(points) <= n {
		return points
	}
	var some []summary.Point
	for i := range n {
		some = append(some, points[i*(len(points)-1)/(n-1)])
	}
	return some
}

// distribution draws latency against 1/(1-p), so that every halving of the slowest
// part has the same room, with the histograms of all rounds added up.
func distribution(id string, f result.File, p summary.Point) figure {
	const name = "latency"
	l := plot.Lines{
		ID:          ident(id, "distribution", p.Key()),
		Title:       "distribution of latency, " + scenario.Describe(p.Axes),
		Description: "The latency that a share of the messages does not exceed, all rounds together. The axis is 1/(1-p): its right end is the slowest of many.",
		X:           plot.Axis{Title: "percentile", Log: true, Ticks: percentiles},
		Y:           plot.Axis{Title: "latency (µs)", Log: true},
		Smooth:      true,
	}
	numbers := table{Head: []string{"backend"}}
	for _, t := range percentiles {
		numbers.Head = append(numbers.Head, t.Label)
	}
	for _, b := range f.Run.Backends {
		sum := addUp(f.Samples, p.Key(), b.Name, name)
		if sum == nil || sum.TotalCount() == 0 {
			l.Series = append(l.Series, plot.Series{}) // for the style of the others
			continue
		}
		s, line := plot.Series{Name: b.Name}, []string{b.Name}
		most := math.Min(float64(sum.TotalCount()), percentiles[len(percentiles)-1].Value)
		for x := 1.0; x <= most; x *= 1.1 {
			s.Points = append(s.Points, plot.Point{X: x, Y: at(sum, x), Low: plot.None, High: plot.None})
		}
		for _, t := range percentiles {
			text := "-"
			if t.Value <= most {
				text = plot.Short(at(sum, t.Value))
			}
			line = append(line, text)
		}
		l.Series, numbers.Rows = append(l.Series, s), append(numbers.Rows, line)
	}
	return figure{SVG: l.SVG(), Title: l.Title, Caption: l.Description, Numbers: numbers, HasTable: true}
}

// percentiles by 1/(1-p).
var percentiles = []plot.Tick{
	{Value: 2, Label: "50 %"}, {Value: 10, Label: "90 %"}, {Value: 100, Label: "99 %"},
	{Value: 1000, Label: "99.9 %"}, {Value: 10_000, Label: "99.99 %"}, {Value: 100_000, Label: "99.999 %"},
}

// at is the latency in microseconds at 1/(1-p).
func at(h *hdrhistogram.Histogram, x float64) float64 {
	return float64(h.ValueAtPercentile(100*(1-1/x))) / 1000
}

// addUp merges the histograms of a backend's usable samples; nil if there are none.
func addUp(samples []result.Sample, key, backend, name string) (sum *hdrhistogram.Histogram) {
	for _, s := range samples {
		if s.Backend != backend || s.Void != "" || s.Point.Key() != key {
			continue
		}
		h, err := export.Histogram(s.Histograms[name])
		switch {
		case err != nil: // it has none
		case sum == nil:
			sum = h
		default:
			sum.Merge(h)
		}
	}
	return sum
}
