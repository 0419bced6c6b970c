package change

import (
	"math"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
)

// ofModels compares the figures about models that both files have with the values they
// are medians of.
func ofModels(before, after result.File) (all []Change) {
	for _, was := range before.Models {
		for _, is := range after.Models {
			if is.Model == was.Model && is.Quantity == was.Quantity && is.Workers == was.Workers && len(was.Values) > 0 && len(is.Values) > 0 {
				all = append(all, ofModel(was, is))
			}
		}
	}
	return all
}

func ofModel(was, is result.Model) Change {
	c := Change{
		Point: result.Point{Scenario: was.Quantity}, Backend: was.Model,
		Before: stats.Median(was.Values), After: stats.Median(is.Values),
		// Times, memory and what is lost: all that has values is a cost.
		Metric: result.Metric{Name: was.Quantity, Title: was.Unit, Long: was.Quantity, Unit: was.Unit, Digits: digits(was.Value, is.Value), Better: result.Lower},
	}
	if was.Workers > 0 {
		c.Point.Axes = map[string]float64{"workers": float64(was.Workers)}
	}
	c.Factor = c.After.Center / c.Before.Center
	c.P, c.Enough = stats.Unpaired(was.Values, is.Values)
	return c
}

// digits behind the decimal point, so that three of the smaller figure count.
func digits(a, b float64) int {
	least := math.Inf(1)
	for _, v := range []float64{a, b} {
		if v != 0 {
			least = math.Min(least, math.Abs(v))
		}
	}
	if math.IsInf(least, 1) {
		return 0
	}
	return max(0, 2-int(math.Floor(math.Log10(least))))
}
