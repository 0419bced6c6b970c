package page

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/plot"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/bench/summary"
)

// plots are those of one scenario: each metric that it shows against each axis on
// which its points differ, bars of what a message costs or of everything where there
// is no such axis, and distributions of latency.
func plots(id string, f result.File, sc scenario.Scenario, metrics []result.Metric, points []summary.Point) (all []figure) {
	families := familiesOf(points)
	shows := slices.Concat(sc.Shows, sc.Draws)
	for _, family := range families {
		for _, m := range merged(family.points).Shown(metrics, shows) {
			all = add(all, f, familyPlot(id, f.Run, family, m))
		}
	}
	for _, p := range points {
		for _, m := range p.Shown(metrics, shows) {
			if len(families) == 0 || costs[m.Name] {
				all = add(all, f, barPlot(id, f.Run, p, m))
			}
		}
	}
	for _, p := range spread(points, maxDistributions) {
		all = add(all, f, distribution(id, f, p))
	}
	return all
}

// costs are the metrics that are drawn as bars beside their lines, since lines over
// logarithms hide what differs by some percent.
var costs = map[string]bool{result.CPUPerMessage: true, result.CallsPerMessage: true, result.Jain: true, result.LongestWait: true}

// add leaves out plots of nothing.
func add(all []figure, f result.File, p figure) []figure {
	if p.SVG == "" {
		return all
	}
	p.Command = command(f.Run)
	return append(all, p)
}

// family is points that differ on one axis only.
type family struct {
	axis   string
	fixed  map[string]float64
	points []summary.Point
}

// familiesOf finds them: for each axis the largest one.
func familiesOf(points []summary.Point) (found []family) {
	axes := map[string]bool{}
	for _, p := range points {
		for axis := range p.Axes {
			axes[axis] = true
		}
	}
	for _, axis := range slices.Sorted(maps.Keys(axes)) {
		var largest family
		for _, p := range points {
			if _, on := p.Axes[axis]; !on {
				continue
			}
			fixed := maps.Clone(p.Axes)
			delete(fixed, axis)
			fam := family{axis: axis, fixed: fixed}
			for _, q := range points {
				others := maps.Clone(q.Axes)
				_, on := others[axis]
				delete(others, axis)
				if on && maps.Equal(fixed, others) {
					fam.points = append(fam.points, q)
				}
			}
			if len(fam.points) > len(largest.points) {
				largest = fam
			}
		}
		if len(largest.points) > 1 {
			found = append(found, largest)
		}
	}
	return found
}

// merged is a point that has what any of them has.
func merged(points []summary.Point) (m summary.Point) {
	for _, p := range points {
		m.Rows = append(m.Rows, p.Rows...)
	}
	return m
}

// logFrom is the quotient of the largest and the smallest value from which on an axis
// is logarithmic.
const logFrom = 8

func familyPlot(id string, run result.Run, fam family, m result.Metric) figure {
	l := plot.Lines{
		ID: ident(id, m.Name, fam.axis, scenario.Describe(fam.fixed)), Title: title(m, scenario.Describe(fam.fixed)), Description: describe(m),
		X: plot.Axis{Title: words(fam.axis)}, Y: plot.Axis{Title: unit(m)},
	}
	low, high := math.Inf(1), 0.0
	for _, p := range fam.points {
		low, high = math.Min(low, p.Axes[fam.axis]), math.Max(high, p.Axes[fam.axis])
		l.X.Ticks = append(l.X.Ticks, plot.Tick{Value: p.Axes[fam.axis], Label: tick(fam.axis, p.Axes[fam.axis])})
	}
	// Offered load is linear: how steep the curve gets is what one looks for.
	l.X.Log = low > 0 && high >= low*logFrom && fam.axis != scenario.Rate
	low, high = math.Inf(1), 0
	numbers := table{Head: []string{words(fam.axis)}}
	for _, b := range run.Backends {
		s := plot.Series{Name: b.Name}
		for _, p := range fam.points {
			row, _ := p.Find(b.Name)
			if cell, ok := row.Cells[m.Name]; ok {
				s.Points = append(s.Points, point(p.Axes[fam.axis], cell.Median))
				low, high = math.Min(low, cell.Median.Center), math.Max(high, cell.Median.Center)
			}
		}
		l.Series = append(l.Series, s) // also one without a point: a backend has one style everywhere
		if len(s.Points) > 0 {
			numbers.Head = append(numbers.Head, b.Name)
		}
	}
	l.Y.Log = low > 0 && high >= low*logFrom
	for _, p := range fam.points {
		line := []string{tick(fam.axis, p.Axes[fam.axis])}
		for _, name := range numbers.Head[1:] {
			line = append(line, cellText(p, name, m))
		}
		numbers.Rows = append(numbers.Rows, line)
	}
	return figure{SVG: l.SVG(), Title: l.Title, Caption: l.Description, Numbers: numbers, HasTable: true}
}

func barPlot(id string, run result.Run, p summary.Point, m result.Metric) figure {
	b := plot.Bars{
		ID: ident(id, m.Name, "bars", p.Key()), Title: title(m, scenario.Describe(p.Axes)), Description: describe(m),
		Axis: plot.Axis{Title: unit(m)},
	}
	for _, backend := range run.Backends {
		row, ok := p.Find(backend.Name)
		if !ok {
			b.Bars = append(b.Bars, plot.Bar{}) // for the style of the others
			continue
		}
		bar := plot.Bar{Name: backend.Name, Value: math.NaN(), Low: plot.None, High: plot.None}
		if cell, ok := row.Cells[m.Name]; ok {
			bar.Value, bar.Low, bar.High = cell.Median.Center, cell.Median.Low, cell.Median.High
		}
		b.Bars = append(b.Bars, bar)
	}
	return figure{SVG: b.SVG(), Title: b.Title, Caption: b.Description}
}

// tick is a value on an axis; bytes are in powers of two.
func tick(axis string, value float64) string {
	const kilo = 1 << 10
	if axis != scenario.Size || value < kilo || math.Mod(value, kilo) != 0 {
		return plot.Short(value)
	}
	if value < kilo*kilo {
		return plot.Short(value/kilo) + " Ki"
	}
	return plot.Short(value/kilo/kilo) + " Mi"
}

func point(x float64, i stats.Interval) plot.Point {
	return plot.Point{X: x, Y: i.Center, Low: i.Low, High: i.High}
}

func cellText(p summary.Point, backend string, m result.Metric) string {
	row, _ := p.Find(backend)
	if cell, ok := row.Cells[m.Name]; ok {
		return interval(cell.Median, m.Digits)
	}
	return "-"
}

func title(m result.Metric, where string) string {
	if where == "" {
		return m.Long
	}
	return m.Long + ", " + where
}

// describe says how to look at a plot.
func describe(m result.Metric) string {
	text := "Medians of the rounds"
	if m.Better != result.Neither {
		text += "; " + m.Better.String()
	}
	return text + ". Lines through points and bars are 95 % intervals."
}

func unit(m result.Metric) string {
	switch m.Unit {
	case "", "1":
		return m.Title
	case "us":
		return strings.TrimSuffix(m.Title, " us") + " (µs)"
	}
	return m.Title + " (" + m.Unit + ")"
}

// words is the name of an axis for readers.
func words(axis string) string {
	axis = strings.ReplaceAll(axis, "_us", " (µs)")
	axis = strings.ReplaceAll(axis, "_bytes", " (bytes)")
	if axis == scenario.Rate {
		return "offered messages per second"
	}
	return strings.ReplaceAll(axis, "_", " ")
}

// ident makes an identifier of some texts: letters, digits and hyphens.
func ident(parts ...any) string {
	var b strings.Builder
	for _, r := range fmt.Sprintln(parts...) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
	}
	return strings.Trim(b.String(), "-")
}
