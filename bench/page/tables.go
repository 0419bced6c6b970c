package page

import (
	"fmt"
	"strconv"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/bench/summary"
)

// pointTable has a row per backend and two columns per metric: the median with its
// interval, and the ratio, where one of two is better.
func pointTable(p summary.Point, metrics []result.Metric, names []string) table {
	t := table{Title: scenario.Describe(p.Axes), Head: []string{"backend"}}
	shown := p.Shown(metrics, names)
	for _, m := range shown {
		t.Head = append(t.Head, m.Title)
		if m.Relates() {
			t.Head = append(t.Head, "x")
		}
	}
	for _, r := range p.Rows {
		cells := []string{r.Backend}
		for _, m := range shown {
			value, x := "-", "-"
			if cell, ok := r.Cells[m.Name]; ok {
				value, x = interval(cell.Median, m.Digits), ratio(cell)
			}
			cells = append(cells, value)
			if m.Relates() {
				cells = append(cells, x)
			}
		}
		t.Rows = append(t.Rows, cells)
		if r.Void > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%s: %d of %d samples cannot be used: %s", r.Backend, r.Void, r.Void+r.Samples, r.Why))
		}
	}
	t.Notes = append(t.Notes, p.MarksInWords()...)
	return t
}

func interval(i stats.Interval, digits int) string {
	text := number(i.Center, digits)
	if i.Known() {
		text += " [" + number(i.Low, digits) + ", " + number(i.High, digits) + "]"
	}
	return text
}

// ratio is to the reference, with ** where a difference is proved.
func ratio(c summary.Cell) string {
	if c.Against.Ratio.N == 0 {
		return "-"
	}
	text := interval(c.Against.Ratio, 2)
	if v := c.Verdict(); v == stats.Smaller || v == stats.Larger {
		text += " **"
	}
	return text
}

func number(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
