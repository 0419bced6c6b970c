package page

import (
	"math"
	"slices"

	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/plot"
	"github.com/weft-go/weft/bench/result"
)

// modelsSection is what is known about concurrency models: a table of models and
// quantities, bars for each quantity, and lines where it was measured with several
// numbers of workers.
func modelsSection(id string, f result.File) *section {
	s := &section{ID: id + "-models", Title: "models", Question: "what does one unit of each concurrency model cost"}
	var names, quantities []string
	for _, m := range f.Models {
		if !slices.Contains(names, m.Model) {
			names = append(names, m.Model)
		}
		if !slices.Contains(quantities, m.Quantity) {
			quantities = append(quantities, m.Quantity)
		}
	}
	t := table{Title: "all models", Head: append([]string{"quantity", "workers", "unit"}, names...)}
	for _, q := range quantities {
		of := slices.DeleteFunc(slices.Clone(f.Models), func(m result.Model) bool { return m.Quantity != q })
		for _, workers := range workersOf(of) {
			line := []string{q, "-", of[0].Unit}
			if workers > 0 {
				line[1] = plot.Short(float64(workers))
			}
			for _, model := range names {
				text := "-"
				if m, ok := find(of, model, workers); ok {
					text = modelText(m)
				}
				line = append(line, text)
			}
			t.Rows = append(t.Rows, line)
		}
		s.Plots = add(s.Plots, f, modelPlot(s.ID, q, names, of))
	}
	s.Tables = []table{selection(f), t}
	return s
}

// selection is the table of which model to take when, with the file's figures.
func selection(f result.File) table {
	t := table{Title: "which model when", Head: models.ChoiceHead}
	for _, c := range models.Table(f.Models).Select() {
		t.Rows = append(t.Rows, c.Cells())
	}
	return t
}

func workersOf(of []result.Model) (all []int) {
	for _, m := range of {
		if !slices.Contains(all, m.Workers) {
			all = append(all, m.Workers)
		}
	}
	slices.Sort(all)
	return all
}

func find(of []result.Model, model string, workers int) (result.Model, bool) {
	i := slices.IndexFunc(of, func(m result.Model) bool { return m.Model == model && m.Workers == workers })
	if i < 0 {
		return result.Model{}, false
	}
	return of[i], true
}

func modelText(m result.Model) string {
	text := plot.Short(m.Value)
	if m.Low < m.High {
		text += " [" + plot.Short(m.Low) + ", " + plot.Short(m.High) + "]"
	}
	return text
}

// modelPlot is bars, or lines over the number of workers.
func modelPlot(id, quantity string, names []string, of []result.Model) figure {
	low, high := math.Inf(1), 0.0
	for _, m := range of {
		low, high = math.Min(low, m.Value), math.Max(high, m.Value)
	}
	axis := plot.Axis{Title: quantity + " (" + of[0].Unit + ")", Log: low > 0 && high > low*logFrom}
	const description = "Medians with their 95 % intervals."
	if workers := workersOf(of); len(workers) > 1 {
		l := plot.Lines{ID: ident(id, quantity), Title: quantity, Description: description, X: plot.Axis{Title: "workers", Log: workers[0] > 0}, Y: axis}
		for _, w := range workers {
			l.X.Ticks = append(l.X.Ticks, plot.Tick{Value: float64(w), Label: plot.Short(float64(w))})
		}
		for _, model := range names {
			s := plot.Series{Name: model}
			for _, m := range of {
				if m.Model == model {
					s.Points = append(s.Points, plot.Point{X: float64(m.Workers), Y: m.Value, Low: m.Low, High: m.High})
				}
			}
			l.Series = append(l.Series, s) // also one without a point: a model has one style everywhere
		}
		return figure{SVG: l.SVG(), Title: l.Title, Caption: description}
	}
	b := plot.Bars{ID: ident(id, quantity), Title: quantity, Description: description, Axis: axis}
	for _, model := range names {
		bar := plot.Bar{} // for the style of the others
		if m, ok := find(of, model, of[0].Workers); ok {
			bar = plot.Bar{Name: m.Model, Value: m.Value, Low: m.Low, High: m.High}
		}
		b.Bars = append(b.Bars, bar)
	}
	return figure{SVG: b.SVG(), Title: b.Title, Caption: description}
}
