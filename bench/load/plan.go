package load

import (
	"math"
	"time"

	"github.com/weft-go/weft/poller"
)

// seat is one plan of an open loop: a row of times for sends, on the connection
// that sits there.
type seat struct {
	group *group
	place int // in group.order
	// next is the next planned time in nanoseconds of the poller's clock, with
	// the fractions that a sum of many distances needs.
	next float64
}

// nanoseconds is a time that was computed. What is longer than a Duration can be, as with
// a rate of next to nothing, never comes.
func nanoseconds(v float64) time.Duration {
	if v < math.MaxInt64 {
		return time.Duration(v)
	}
	return math.MaxInt64 // also of what is not a number: a part of the infinite
}

// distance is the time from one planned send of the seat to the next.
func (e *Engine) distance(s *seat) float64 {
	g := s.group
	mean := float64(time.Second) * float64(g.Depth) * float64(g.taking()) / g.Rate
	if g.Arrivals == Poisson {
		return e.chance.ExpFloat64() * mean
	}
	return mean
}

// take starts the plan of a seat. Fixed plans have a phase by chance, or all
// connections would send at the same moment; a Poisson process has no memory, and
// so needs none.
func (e *Engine) take(i int) {
	s := &e.seats[i]
	first := e.distance(s)
	if s.group.Arrivals == Fixed {
		first *= e.chance.Float64()
	}
	s.next = float64(e.now) + first
	e.agenda.add(entry{nanoseconds(s.next), sendPlanned, int32(i)})
}

// perform does what is due. What is not planned before the deadline is left.
func (e *Engine) perform() error {
	for range tasksPerTurn {
		if len(e.agenda) == 0 {
			return nil
		}
		due := e.agenda[0]
		if due.at >= e.deadline || due.at > e.now {
			return nil
		}
		again, err := e.do(due)
		if err != nil {
			return err
		}
		if again > 0 {
			e.agenda.postpone(again)
		} else {
			e.agenda.drop()
		}
	}
	return nil
}

// do does one thing and returns when to do it again, or 0. It adds nothing to the
// agenda, whose first entry is this one.
func (e *Engine) do(due entry) (time.Duration, error) {
	switch due.what {
	case sendPlanned:
		return e.sendPlanned(&e.seats[due.which], due.at)
	case sendByte:
		return e.sendByte(&e.conns[due.which])
	case sendFlood:
		return e.sendFlood(&e.conns[due.which])
	}
	g := e.groups[due.which]
	return due.at + g.Rotate, e.rotate(g)
}

// sendPlanned sends a seat's next batch.
func (e *Engine) sendPlanned(s *seat, at time.Duration) (time.Duration, error) {
	e.now = e.os.Now()
	g := s.group
	record(g.lag, e.now-at)
	s.next += e.distance(s)
	// Two sends of a Poisson plan can have the same nanosecond.
	again := max(nanoseconds(s.next), 1)
	if g.Role == Sender {
		return again, e.say(at)
	}
	return again, e.plan(&e.conns[g.order[s.place]], at)
}

// farWait and its share are when a wait is cut in two.
//
// Quirk(linux): an epoll wait may end late by a thousandth of its length, whatever
// the timer slack is (select_estimate_accuracy in fs/select.c). A long one ends a
// little earlier instead, and a short one follows.
const (
	farWait      = 2 * time.Millisecond
	farWaitShare = 50
)

// pace is how long to wait for a moment.
func (e *Engine) pace(until time.Duration) time.Duration {
	left := until - e.spec.Spin - e.now
	if left <= 0 {
		// Within Spin of it: the wait is only a look, again and again.
		return 0
	}
	if left > farWait {
		left -= left / farWaitShare
	}
	return left
}

// sitDown gives the first connections of a group's order its seats. Those of a
// closed loop begin at once.
func (e *Engine) sitDown(g *group) error {
	for _, i := range g.order[:g.taking()] {
		c := &e.conns[i]
		c.seated = true
		if !g.open && c.head == c.tail {
			if err := e.plan(c, e.os.Now()); err != nil {
				return err
			}
		}
	}
	return nil
}

// rotate gives the seats to others, chosen by chance. Who had one finishes the
// batch that is under way.
func (e *Engine) rotate(g *group) error {
	for _, i := range g.order[:g.taking()] {
		e.conns[i].seated = false
	}
	for j := range g.taking() {
		k := j + e.chance.IntN(len(g.order)-j)
		g.order[j], g.order[k] = g.order[k], g.order[j]
	}
	return e.sitDown(g)
}

// handle serves one event.
func (e *Engine) handle(event *poller.Event) error {
	c := &e.conns[event.Token.Slot()]
	if c.generation != event.Token.Generation() {
		return nil // of the slot's last life
	}
	switch c.state {
	case dialing:
		if err := e.answered(c); err != nil {
			return err
		}
		return e.arrived(c, event)
	case open:
	default:
		return nil
	}
	if c.group.Role == Mute {
		return e.blocked(c, event.Ready)
	}
	if event.Ready&poller.Writable != 0 && c.out < c.tail {
		if err := e.push(c); err != nil {
			return err
		}
	}
	if event.Ready&poller.Readable != 0 {
		return e.receive(c, event.Ready)
	}
	return nil
}
