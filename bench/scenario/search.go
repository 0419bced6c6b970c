package scenario

import "github.com/weft-go/weft/bench/load"

// How a search ends.
const (
	// closeEnough is the width of the bracket, as a share of its upper end, at
	// which a search stops.
	closeEnough = 0.05
	// maxTries bounds a search.
	//
	// Bound: five are enough for closeEnough of the first bracket, and five more
	// where that was too low; a server that holds the limit only near zero is left
	// after these.
	maxTries = 10
)

// Highest halves the bracket from 0 to high until it is narrow enough, and returns
// its lower end: the highest rate that was tried and held. 0 if none did. Where
// nothing has failed, high was a guess that was too low: then it is tried itself, and
// the bracket goes on from there.
func Highest(high float64, holds func(rate float64) (bool, error)) (float64, error) {
	low, top := 0.0, high
	for range maxTries {
		next := (low + high) / 2
		if high-low <= closeEnough*high {
			if high < top { // something has failed
				break
			}
			next = high
		}
		ok, err := holds(next)
		switch {
		case err != nil:
			return 0, err
		case !ok && next == top: // the guess was right
			return low, nil
		case !ok:
			high = next
		default:
			if low = next; next == top {
				high, top = 2*top, 2*top
			}
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
