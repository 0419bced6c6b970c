package stats

import "errors"

// ErrSlope: a slope needs two different points.
var ErrSlope = errors.New("stats: a slope needs two different points")

// Slope is how much y grows for one more of x, by least squares: what one
// connection costs, without what the process costs that serves it. Error: ErrSlope.
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
		return 0, ErrSlope
	}
	return covariance / variance, nil
}

// Jain is Jain's index of fairness, from 1/n, where one has all, to 1, where all
// have the same. See R. Jain, D. Chiu, W. Hawe, A Quantitative Measure of Fairness
// and Discrimination, DEC-TR-301 (1984). Of nothing it is 1.
func Jain(shares []float64) float64 {
	var sum, squares float64
	for _, x := range shares {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 1
	}
	return sum * sum / (float64(len(shares)) * squares)
}
