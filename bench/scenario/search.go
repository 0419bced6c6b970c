package scenario

import "github.com/weft-go/weft/bench/load"

// How a search ends.
const (
	// closeEnough is the width of the bracket, as a share of its upper end, at
	// which a search stops.
	closeEnough = 0.05
	// maxTries bounds a search.
	//
	// Bound: five halvings are enough for closeEnough of the first bracket; a
	// server that holds the limit only near zero is left after these.
	maxTries = 8
)

// Highest halves the bracket from 0 to high until it is narrow enough, and returns
// its lower end: the highest rate that was tried and held. 0 if none did.
func Highest(high float64, holds func(rate float64) (bool, error)) (float64, error) {
	low := 0.0
	for tries := 0; tries < maxTries && high-low > closeEnough*high; tries++ {
		middle := (low + high) / 2
		ok, err := holds(middle)
		if err != nil {
			return 0, err
		}
		if ok {
			low = middle
		} else {
			high = middle
		}
	}
	return low, nil
}

// Total is how many connections groups have at a time.
func Total(groups []load.Group) (conns int) {
	for _, g := range groups {
		conns += g.Conns
	}
	return conns
}
