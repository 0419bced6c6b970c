package load

import "time"

// agenda is a binary heap of what is to be done at its time. With a next send for
// each of 20 000 connections it is 15 levels deep, a few of which are looked at
// when the earliest entry moves on.
type agenda []entry

// entry is one thing to do.
type entry struct {
	at    time.Duration // on the poller's clock
	what  task
	which int32 // seat, connection or group, as the task says
}

// task is what an entry is about.
type task uint8

const (
	sendPlanned task = iota // the next batch of a seat
	sendByte                // a Trickle connection's next byte
	sendFlood               // a Mute connection's next piece
	rotateSeats             // a group's active connections change
)

func (t task) String() string {
	return [...]string{"send planned", "send byte", "send flood", "rotate seats"}[t]
}

// add puts an entry in.
func (a *agenda) add(e entry) {
	*a = append(*a, e)
	h := *a
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if h[parent].at <= h[i].at {
			return
		}
		h[parent], h[i] = h[i], h[parent]
		i = parent
	}
}

// postpone moves the earliest entry to a later time, which is cheaper than to
// remove and to add it.
func (a agenda) postpone(at time.Duration) {
	a[0].at = at
	a.sink()
}

// drop removes the earliest entry.
func (a *agenda) drop() {
	h := *a
	last := len(h) - 1
	h[0] = h[last]
	*a = h[:last]
	a.sink()
}

// sink moves the first entry down to where it belongs.
func (a agenda) sink() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(a) {
			return
		}
		if right := child + 1; right < len(a) && a[right].at < a[child].at {
			child = right
		}
		if a[i].at <= a[child].at {
			return
		}
		a[i], a[child] = a[child], a[i]
		i = child
	}
}
