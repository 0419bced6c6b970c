package coro

import "time"

// pass lets everyone else have a turn: to the end of the queue, and where this
// turn of the loop has become long, behind a look at the descriptors.
func (t *task) pass() {
	l := t.loop()
	t.state, t.since = taskReady, l.stamp()
	if l.turnIsLong() {
		l.reactor.ScheduleNext(t)
	} else {
		l.reactor.Schedule(t)
	}
	t.yield(struct{}{})
}

// A turn runs up to 256 tasks before the loop looks for events. That is short if
// each does a little. One that never has to wait, and is alone in the queue, is all
// of them: 256 times 32 operations, which are 100 ms of a stream over TLS, and of
// everybody else's latency. So tasks that pass look at the clock.
const (
	// longTurn is when a turn ends for those that pass.
	//
	// Bound: a look at the descriptors is a microsecond of it, a thousandth.
	longTurn = time.Millisecond
	// passesPerLook is how often a pass reads the clock.
	//
	// Bound: 25 ns, of the 110 that a Yield takes, are 3 then.
	passesPerLook = 8
)

// fairness is what a loop knows of its turn.
type fairness struct {
	passes int           // since the last look at the clock
	long   time.Duration // the beginning of the last turn that was found to be long; -1 for none
}

func (l *loop) turnIsLong() bool {
	begun := l.reactor.Now()
	if l.fairness.long == begun {
		return true // so that all of them leave the turn
	}
	l.fairness.passes++
	if l.fairness.passes < passesPerLook {
		return false
	}
	l.fairness.passes = 0
	if l.reactor.OS().Now()-begun < longTurn {
		return false
	}
	l.fairness.long = begun
	return true
}
