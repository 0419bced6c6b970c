package report

import (
	"errors"
	"slices"
)

// Sample is one run of one server process.
type Sample struct {
	Round    int     `json:"round"` // from 1
	Backend  string  `json:"backend"`
	Conns    int     `json:"connections"`
	Messages uint64  `json:"messages"`
	Seconds  float64 `json:"seconds"`
	Figures  Figures `json:"figures"`
}

// Row is what the samples of one backend with one number of connections say.
type Row struct {
	Backend string `json:"backend"`
	Conns   int    `json:"connections"`
	// Failed is why there are no figures; empty if there are.
	Failed string  `json:"failed,omitempty"`
	Median Figures `json:"median"`
	// Ratio is to the reference, round by round.
	Ratio Figures `json:"ratio"`
}

// Summarize makes the row of one backend from all samples of a report.
func Summarize(samples []Sample, backend string, conns int, reference string) Row {
	mine, theirs := map[int]Figures{}, map[int]Figures{} // by round
	for _, s := range samples {
		if s.Conns != conns {
			continue
		}
		if s.Backend == backend {
			mine[s.Round] = s.Figures
		}
		if s.Backend == reference {
			theirs[s.Round] = s.Figures
		}
	}
	row := Row{Backend: backend, Conns: conns}
	for m := range metrics {
		var values, ratios []float64
		for round, figures := range mine {
			if !figures[m].Measured() {
				continue
			}
			values = append(values, float64(figures[m]))
			if r, ok := theirs[round]; ok && r[m] > 0 {
				ratios = append(ratios, float64(figures[m]/r[m]))
			}
		}
		row.Median[m], row.Ratio[m] = median(values), median(ratios)
	}
	return row
}

// median is NotMeasured for no values.
func median(values []float64) Figure {
	if len(values) == 0 {
		return NotMeasured
	}
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return Figure(values[half])
	}
	return Figure((values[half-1] + values[half]) / 2)
}

// Slope is how much y grows for one more of x, by least squares: what one
// connection costs, without what the process costs that serves it. Error: less
// than two different x.
func Slope(x, y []float64) (float64, error) {
	var meanX, meanY float64
	for i := range x {
		meanX += x[i] / float64(len(x))
		meanY += y[i] / float64(len(x))
	}
	var covariance, variance float64
	for i := range x {
		covariance += (x[i] - meanX) * (y[i] - meanY)
		variance += (x[i] - meanX) * (x[i] - meanX)
	}
	if variance == 0 {
		return 0, errors.New("report: a slope needs two different points")
	}
	return covariance / variance, nil
}
