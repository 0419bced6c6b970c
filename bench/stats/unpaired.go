package stats

import (
	"slices"

	"golang.org/x/perf/benchmath"
)

// Unpaired compares values that were taken at different times, by the test of Mann
// and Whitney: nothing is assumed about their distribution, but that the machine was
// the same. P is the chance of medians as different as these if nothing had changed;
// enough tells that so many values could prove a change.
func Unpaired(before, after []float64) (p float64, enough bool) {
	if len(before) == 0 || len(after) == 0 {
		return 1, false
	}
	sample := func(values []float64) *benchmath.Sample {
		return benchmath.NewSample(slices.Sorted(slices.Values(values)), &benchmath.DefaultThresholds)
	}
	c := benchmath.AssumeNothing.Compare(sample(before), sample(after))
	// The smallest p there is, of two samples that do not overlap, is two of the
	// ways to choose the one from both.
	smallest, n := 2.0, len(before)+len(after)
	for k := range len(before) {
		smallest *= float64(k+1) / float64(n-k)
	}
	return min(c.P, 1), smallest <= Alpha
}
