package report

import (
	"fmt"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/bench/summary"
)

// Difference is one that a run of the same backend under two labels has found: an
// error of the laboratory, or, once in twenty runs, chance.
type Difference struct {
	Point  result.Point
	Metric result.Metric
	stats.Comparison
	// P is corrected for all comparisons of the run.
	P float64
}

func (d Difference) String() string {
	return fmt.Sprintf("%s, %s: ratio %.3f (%.3f to %.3f), p = %.4f",
		d.Point.Key(), d.Metric.Title, d.Ratio.Center, d.Ratio.Low, d.Ratio.High, d.P)
}

// Twice judges such a run: how many comparisons there were that could have found a
// difference, and those that did. All comparisons are corrected together.
func Twice(f result.File) (compared int, found []Difference) {
	var all []Difference
	var ps []float64
	whole := summary.Of(f)
	for _, at := range whole.Points {
		for _, r := range at.Rows {
			if r.Backend == f.Run.Reference {
				continue
			}
			for _, m := range whole.Metrics {
				c, ok := r.Cells[m.Name]
				if ok && c.Against.Ratio.Known() && m.Compares() {
					all = append(all, Difference{Point: at.Point, Metric: m, Comparison: c.Against})
					ps = append(ps, c.Against.P)
				}
			}
		}
	}
	for i, p := range stats.Holm(ps) {
		all[i].P = p
		if v := all[i].Verdict(p); v == stats.Smaller || v == stats.Larger {
			found = append(found, all[i])
		}
	}
	return len(all), found
}
