package paired

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// Figures are what a comparison has measured, a number for each round.
type Figures struct{ Weft, Other []float64 }

// Asked is how many rounds a comparison has: usual, if WEFT_BARS says no number above
// 1. It skips unless that is set.
func Asked(t *testing.T, usual int) (rounds int) {
	t.Helper()
	asked := os.Getenv("WEFT_BARS")
	if asked == "" {
		t.Skip("measures; set WEFT_BARS=1")
	}
	if n, err := strconv.Atoi(asked); err == nil && n > 1 {
		return n
	}
	return usual
}

// Rounds measures weft and the other one in each round, in an order that is drawn.
func Rounds(n int, measure func(weft bool) float64) (f Figures) {
	for range n {
		f.round(measure)
	}
	return f
}

func (f *Figures) round(measure func(weft bool) float64) {
	for _, i := range rand.Perm(2) {
		if i == 0 {
			f.Weft = append(f.Weft, measure(true))
		} else {
			f.Other = append(f.Other, measure(false))
		}
	}
}

// Ratio is the median of the rounds' ratios, weft's figure to the other's.
func (f Figures) Ratio() float64 { return at(f.ratios(), 1, 2) }

func (f Figures) ratios() (ratios []float64) {
	for i := range f.Weft {
		ratios = append(ratios, f.Weft[i]/f.Other[i])
	}
	return ratios
}

// Log writes the medians to the test's log.
func (f Figures) Log(t *testing.T, unit, other string) {
	t.Helper()
	ratios := f.ratios()
	t.Logf("%s: weft %.4g, %s %.4g; %.3f times (quartiles %.3f to %.3f); medians of %d rounds in pairs",
		unit, at(f.Weft, 1, 2), other, at(f.Other, 1, 2), f.Ratio(), at(ratios, 1, 4), at(ratios, 3, 4), len(ratios))
}

// AtMost logs the medians, and fails if weft's figure is more than bar times the other's.
func (f Figures) AtMost(t *testing.T, bar float64, unit, other string) {
	t.Helper()
	f.Log(t, unit, other)
	if f.Ratio() > bar {
		t.Errorf("%s: %.3f times that of %s, at most %.2f is promised", unit, f.Ratio(), other, bar)
	}
}

// AtLeast logs the medians, and fails if weft's figure is less than bar times the other's.
func (f Figures) AtLeast(t *testing.T, bar float64, unit, other string) {
	t.Helper()
	f.Log(t, unit, other)
	if f.Ratio() < bar {
		t.Errorf("%s: %.3f times that of %s, at least %.2f is promised", unit, f.Ratio(), other, bar)
	}
}

// at is the value at a part of the way from the smallest to the largest.
func at(figures []float64, part, parts int) float64 {
	return slices.Sorted(slices.Values(figures))[len(figures)*part/parts]
}
