package plot

import (
	"math"
	"strconv"
)

// Axis is one direction of a plot.
type Axis struct {
	// Title has the unit in it.
	Title string
	// Log is for values that differ by powers; those that are not above zero are
	// left out then. A linear axis begins at zero.
	Log bool
	// Ticks replaces the ticks and their labels. Those outside of the values are
	// left out.
	Ticks []Tick
}

// Tick is a labelled place on an axis.
type Tick struct {
	Value float64
	Label string
}

// scale places values between 0 and 1.
type scale struct {
	log       bool
	low, high float64 // of the axis, in its own measure: logarithms on a log axis
	ticks     []Tick
}

// minTicks is how many labels an axis has at least.
const minTicks = 3

// scaleFor fits an axis to values; ok is false if there are none that it can show.
func (a Axis) scaleFor(values []float64) (s scale, ok bool) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if a.shows(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	if low > high {
		return scale{}, false
	}
	s.log = a.Log
	if a.Log {
		s.fitLog(low, high)
	} else {
		s.fitLinear(math.Min(low, 0), high)
	}
	if a.Ticks != nil {
		s.ticks = nil
		for _, t := range a.Ticks {
			if p := s.place(t.Value); p >= 0 && p <= 1 {
				s.ticks = append(s.ticks, t)
			}
		}
	}
	return s, true
}

// largest is the largest value that has a place on an axis.
//
// Bound: differences of such values are still numbers.
const largest = 1e100

// shows reports whether a value has a place on the axis.
func (a Axis) shows(v float64) bool {
	return math.Abs(v) <= largest && (!a.Log || v >= 1/largest) // not a number is in no order
}

// place is where a value is, 0 to 1.
func (s scale) place(v float64) float64 {
	if s.log {
		v = math.Log10(v)
	}
	return (v - s.low) / (s.high - s.low)
}

// maxTicks is how many labels an axis has at most.
//
// Bound: fitLinear's steps are at least an eighth of what is shown.
const maxTicks = 20

// fitLinear ends at round numbers: 1, 2 or 5 times a power of ten. Values that are all
// the same but for rounding have some air.
func (s *scale) fitLinear(low, high float64) {
	const precision = 1e-9
	if least := precision * math.Max(math.Abs(low), 1); high-low < least {
		if high = low + least; low == 0 {
			high = 1
		}
	}
	step := roundStep((high - low) / (minTicks + 1))
	s.low = math.Floor(low/step) * step
	s.high = math.Ceil(high/step) * step
	for i := range maxTicks {
		v := s.low + float64(i)*step
		if v > s.high+step/2 {
			return
		}
		s.ticks = append(s.ticks, Tick{v, Short(v)})
	}
}

// roundStep is the largest of 1, 2, 5 times a power of ten that is not above.
func roundStep(above float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(above)))
	for _, factor := range []float64{5, 2} {
		if factor*power <= above {
			return factor * power
		}
	}
	return power
}

// fitLog leaves some air, and has ticks at powers of ten, or finer where these
// would be few.
func (s *scale) fitLog(low, high float64) {
	const (
		air      = 0.04 // of the axis, on both sides
		shortest = 0.4  // powers of ten
	)
	l, h := math.Log10(low), math.Log10(high)
	s.low, s.high = l-air*(h-l), h+air*(h-l)
	if missing := shortest - (h - l); missing > 0 {
		s.low, s.high = l-missing/2, h+missing/2
	}
	for _, factors := range [][]float64{{1}, {1, 3}, {1, 2, 5}, {1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9}} {
		s.ticks = nil
		for power := math.Floor(s.low); power <= s.high; power++ {
			for _, f := range factors {
				v := f * math.Pow(10, power)
				if at := math.Log10(v); at >= s.low && at <= s.high {
					s.ticks = append(s.ticks, Tick{v, Short(v)})
				}
			}
		}
		if len(s.ticks) >= minTicks {
			return
		}
	}
}

// Short writes a number with at most three digits and a suffix for thousands (k),
// millions (M) and billions (G).
func Short(v float64) string {
	a := math.Abs(v)
	for _, unit := range []struct {
		size   float64
		suffix string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if a >= unit.size*0.9995 {
			return strconv.FormatFloat(round3(v/unit.size), 'f', -1, 64) + unit.suffix
		}
	}
	return strconv.FormatFloat(round3(v), 'f', -1, 64)
}

// round3 keeps three digits.
func round3(v float64) float64 {
	if v == 0 {
		return 0
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits < 0 {
		power := math.Pow(10, float64(-digits))
		return math.Round(v/power) * power
	}
	power := math.Pow(10, float64(digits))
	return math.Round(v*power) / power
}
