package stats

import "slices"

// Discover corrects the p-values of many comparisons of which only the small ones are
// shown: of those that are at most Alpha, a share of Alpha is wrong on average. Holm
// asks for more, that not even one be wrong, which a list of hundreds cannot earn. See
// Y. Benjamini, Y. Hochberg, Controlling the False Discovery Rate, Journal of the Royal
// Statistical Society B 57 (1995).
func Discover(ps []float64) []float64 {
	corrected := make([]float64, len(ps))
	lowest := 1.0
	for rank, i := range slices.Backward(ascending(ps)) {
		// The division first: times a factor of at least one, no p becomes less by rounding.
		lowest = min(lowest, ps[i]*(float64(len(ps))/float64(rank+1)))
		corrected[i] = lowest
	}
	return corrected
}
