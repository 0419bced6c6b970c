package advise

import (
	"fmt"
	"time"

	"github.com/weft-go/weft/bench/models"
)

// loopLimit is how long a request may compute on an event loop.
//
// Bound: all other connections of the loop wait meanwhile; a millisecond is what
// they would wait for a neighbour in the same building.
const loopLimit = time.Millisecond

// rule is what a candidate must keep.
type rule struct {
	name string
	// broken is why a candidate does not keep it, with the figures; empty if it does.
	broken func(q Question, c candidate, t models.Table) string
}

// rules are all of them, in the order in which they are tried: the first one that is
// broken is the reason that is given.
var rules = []rule{
	{"isolation", func(q Question, c candidate, t models.Table) string {
		if c.isolation >= q.Isolation {
			return ""
		}
		return fmt.Sprintf("offers isolation %v, and %v is wanted%s", c.isolation, q.Isolation, crashes(t, c.model))
	}},
	{"measured", func(q Question, c candidate, t models.Table) string {
		_, weighed := c.memory(q, t)
		_, woken := c.wake(q, t)
		if weighed && woken {
			return ""
		}
		return "its memory, or its switch by I/O, was not measured"
	}},
	{"memory", func(q Question, c candidate, t models.Table) string {
		if bytes, _ := c.memory(q, t); bytes > float64(q.Memory) {
			return fmt.Sprintf("needs %s, and %s are allowed", models.Bytes(bytes), models.Bytes(float64(q.Memory)))
		}
		return ""
	}},
	{"limits", func(q Question, c candidate, t models.Table) string {
		n, limit, known := t.Fits(c.model) // prefork has no limit of its own
		if !known || float64(q.Connections) <= n {
			return ""
		}
		return fmt.Sprintf("%.0f fit this machine, by %s", n, limit)
	}},
	{"loop", func(q Question, c candidate, t models.Table) string {
		if !c.onLoop || q.CPUPerRequest <= loopLimit {
			return ""
		}
		return fmt.Sprintf("a request that computes for %v holds up its loop, whose other connections wait; %v is the most", q.CPUPerRequest, loopLimit)
	}},
}

// crashes says what was measured about them, if it was.
func crashes(t models.Table, model string) string {
	for _, f := range models.Faults {
		if lost, known := t.Value(model, f.Quantity(models.OthersLost)); known && lost == 1 {
			return fmt.Sprintf(": a %v takes all other connections", f)
		}
	}
	return ""
}
