package lab

import (
	"context"
	"math"
	"time"

	"github.com/weft-go/weft/bench/load"
)

// agreement is how far two windows in a row may be apart, as a share: the server,
// its heap and its caches have settled then, as far as can be seen.
const agreement = 0.05

// window is what one window of the warm-up showed.
type window struct{ rate, p50 float64 }

// agree reports whether two windows show the same.
func agree(a, b window) bool { return near(a.rate, b.rate) && near(a.p50, b.p50) }

func near(a, b float64) bool { return math.Abs(a-b) <= agreement*max(a, b) }

// look is the window that an outcome shows: of its first group, which is the one
// that the question is about.
func look(o load.Outcome) window {
	if len(o.Groups) == 0 {
		return window{}
	}
	m := o.Groups[0]
	w := window{}
	if m.SendLag != "" {
		w.rate = 1 // an open loop's is the plan's, whose arrivals are by chance
	} else if m.Elapsed > 0 {
		w.rate = float64(m.Received) / m.Elapsed.Seconds()
	}
	if h, err := m.Latency.Decode(); err == nil {
		w.p50 = float64(h.ValueAtPercentile(50))
	}
	return w
}

// generator is what drives a server: load.Process.
type generator interface {
	Run(ctx context.Context, d time.Duration) (load.Outcome, error)
}

// warmUp runs windows until two in a row agree, and reports whether they did
// before there were too many. The last one is returned.
func warmUp(ctx context.Context, g generator, length time.Duration, most int) (last window, warm bool, err error) {
	for i := range most {
		o, err := g.Run(ctx, length)
		if err != nil {
			return last, false, err
		}
		if o.Void != "" {
			return last, false, voidError(o.Void)
		}
		before := last
		last = look(o)
		if i > 0 && agree(before, last) {
			return last, true, nil
		}
	}
	return last, false, nil
}

// voidError is a run whose figures must not be used.
type voidError string

func (e voidError) Error() string { return string(e) }
