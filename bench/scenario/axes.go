package scenario

import (
	"maps"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/result"
)

// Axes are the coordinates of a point, by name. All are in one of the units that
// the names say; those without are counts.
type Axes map[string]float64

// The axes that several scenarios have.
const (
	Conns  = "connections"
	Size   = "size_bytes"
	Depth  = "depth"
	Active = "active" // how many of Conns take part at a time
	Rate   = "rate"   // planned messages a second, of all connections
	// Limit is what the 99th percentile may be where the highest Rate is asked.
	Limit = "limit_us"
)

// PerProcess on the axis Conns is as many connections as one process can have here;
// twice that is -2.
const PerProcess = -1

// Resolve is a with a number in place of PerProcess: fit is how many connections
// one process can have. It is rounded down to hundreds, so that figures of machines
// with the same limit are about the same point.
func (a Axes) Resolve(fit int) Axes {
	n := a.Int(Conns)
	if n >= 0 {
		return a
	}
	const step = 100
	if fit > step {
		fit -= fit % step
	}
	return a.with(Conns, float64(n/PerProcess*fit))
}

// Int is the value on an axis, 0 if the point is not on it.
func (a Axes) Int(name string) int { return int(a[name]) }

// with is a copy with one value more, or another one.
func (a Axes) with(name string, value float64) Axes {
	b := maps.Clone(a)
	b[name] = value
	return b
}

// WithRate is a with that rate: a step of a search.
func (a Axes) WithRate(rate float64) Axes { return a.with(Rate, rate) }

// At is the point of a scenario with these axes.
func (s Scenario) At(a Axes) result.Point { return result.Point{Scenario: s.Name, Axes: a} }

// along varies one axis of a point.
func along(a Axes, axis string, values ...float64) (points []Axes) {
	for _, v := range values {
		points = append(points, a.with(axis, v))
	}
	return points
}

// Override replaces the values of an axis, at all points that are on it, by
// others; without any it changes nothing. The order stays, points that become
// equal become one.
func Override(points []Axes, axis string, values []float64) []Axes {
	if len(values) == 0 {
		return points
	}
	var out []Axes
	seen := map[string]bool{}
	add := func(a Axes) {
		if key := (result.Point{Axes: a}).Key(); !seen[key] {
			seen[key] = true
			out = append(out, a)
		}
	}
	for _, a := range points {
		if _, on := a[axis]; !on {
			add(a)
			continue
		}
		for _, b := range along(a, axis, values...) {
			add(b)
		}
	}
	return out
}

// Describe is a point in words for a table's head: "100 connections, 64 bytes".
func Describe(a Axes) string {
	var parts []string
	for _, axis := range slices.Sorted(maps.Keys(a)) {
		parts = append(parts, describe(axis, a[axis]))
	}
	return strings.Join(parts, ", ")
}
