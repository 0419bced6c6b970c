package stats

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// Confidence of all intervals.
const Confidence = 0.95

// Interval is a median with its confidence interval.
type Interval struct {
	Center, Low, High float64
	// N is how many values there were.
	N int
}

// Known reports whether there is an interval: there were enough values, six.
func (i Interval) Known() bool { return !math.IsInf(i.Low, 0) && !math.IsInf(i.High, 0) && i.N > 0 }

// Contains reports whether the interval, which must be known, contains x.
func (i Interval) Contains(x float64) bool { return i.Low <= x && x <= i.High }

// Median of values that are numbers; of none it is not a number.
func Median(values []float64) Interval {
	if len(values) == 0 {
		return Interval{math.NaN(), math.Inf(-1), math.Inf(1), 0}
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(sorted, &benchmath.DefaultThresholds), Confidence)
	return Interval{s.Center, s.Lo, s.Hi, len(values)}
}
