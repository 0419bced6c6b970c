package reactor

import (
	"sync/atomic"
	"time"
)

// Activity is what a loop is doing, as others see it.
type Activity struct {
	// Turn is the number of turns begun.
	Turn uint64
	// Busy is whether the loop is at work: since the end of one wait, and not
	// yet at the next, it has not looked at its descriptors. Otherwise it
	// sleeps, has not begun, or is closed.
	Busy bool
	// Since is when that began, on the loop's clock: OS().Now()-Since is how
	// long it has lasted. Any goroutine may read the clock of a real OS.
	Since time.Duration
}

// Activity tells what the loop is doing now. Any goroutine may call it: it is
// for a watchdog, which a loop that is held up cannot be for itself. Busy and
// Since belong together; Turn is read after them. Who steps a loop by hand keeps
// it busy between its turns: the connections wait for that as for a handler.
func (l *Loop) Activity() Activity {
	shown := l.pulse.shown.Load()
	return Activity{
		Turn:  l.pulse.turns.Load(),
		Busy:  shown&1 != 0,
		Since: time.Duration(shown >> 1),
	}
}

// pulse divides a loop's time into busy parts and sleeps, and shows the present
// one to other goroutines.
//
//	turn              turn              turn                    turn
//	clock             clock             clock                   clock
//	  |                 |                 |                       |
//	  '-- busy -- look--'-- busy -- look--'-- busy --.- sleep -.--'- busy --
//	                                              clock      clock
//
// A wait that may sleep is timed on both sides. One that only looks, because
// work is left over, is not: its time counts as busy, and the part ends where
// the next turn reads the clock in any case. So a loop under load pays for no
// look at the clock, and a turn that has time to sleep for two; with a timer or
// deadline set for one, since the other tells how long to sleep.
type pulse struct {
	state pulseState
	since time.Duration // when the present part began
	busy  Histogram     // the busy parts that have ended
	idle  time.Duration // all sleeps together

	turns atomic.Uint64
	// shown is since, and whether it is a busy part, as one number that changes
	// at once. The loop alone writes it.
	//
	// Bound: shifted by a bit, it is good for 146 years.
	shown atomic.Int64
}

// pulseState is what the loop's time is spent on.
//
//	resting --turn--> busy --sleep--> asleep --wake--> busy
//	                  busy --look--> looked --turn--> busy
//	any --rest--> resting
type pulseState uint8

const (
	pulseResting pulseState = iota // before the first turn, and once closed
	pulseBusy
	pulseLooked // busy, and at a turn's end without a sleep
	pulseAsleep
)

func (s pulseState) String() string {
	return [...]string{"resting", "busy", "looked", "asleep"}[s]
}

// turn is a turn's beginning.
func (p *pulse) turn(now time.Duration) {
	p.turns.Add(1)
	switch p.state {
	case pulseResting:
		p.begin(pulseBusy, now)
	case pulseLooked:
		p.busy.Record(now - p.since)
		p.begin(pulseBusy, now)
	}
}

// look is a wait that does not sleep.
func (p *pulse) look() { p.state = pulseLooked }

// sleep is the beginning of a wait that may sleep.
func (p *pulse) sleep(now time.Duration) {
	p.busy.Record(now - p.since)
	p.begin(pulseAsleep, now)
}

// wake is its end.
func (p *pulse) wake(now time.Duration) {
	p.idle += now - p.since
	p.begin(pulseBusy, now)
}

// rest is the loop's end.
func (p *pulse) rest(now time.Duration) {
	if p.state != pulseResting {
		p.busy.Record(now - p.since)
	}
	p.begin(pulseResting, now)
}

func (p *pulse) begin(s pulseState, now time.Duration) {
	p.state, p.since = s, now
	shown := int64(now) << 1
	if s == pulseBusy {
		shown |= 1
	}
	p.shown.Store(shown)
}
