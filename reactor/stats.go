package reactor

import "time"

// Stats are a loop's counters since it was made. They are plain numbers that
// the loop's goroutine counts up; Loop.Stats copies them. None of them costs a
// look at the clock for an event or a task.
type Stats struct {
	Turns       uint64 // turns of the loop; each waits once
	Waits       uint64 // of these waits, those that may have slept; the others only looked
	Wakeups     uint64 // of these, cut short by a Post or Stop
	Events      uint64 // events the poller reported
	StaleEvents uint64 // of these, for descriptors closed meanwhile
	Tasks       uint64 // runnables run, posted functions among them
	Posted      uint64 // posted functions taken over
	Timers      uint64 // timers fired
	Deadlines   uint64 // times a deadline's place in the wheel came up
	Panics      uint64 // panics contained

	Accepted  uint64 // connections accepted
	Refused   uint64 // of these, closed at once because of the limit
	OverLimit uint64 // times a listener paused for want of descriptors

	BytesRead      uint64 // from the kernel
	BytesQueued    uint64 // accepted by Write
	BytesWritten   uint64 // given to the kernel
	BytesDiscarded uint64 // queued, and dropped when a connection ended

	Spent Budgets // times a budget was used up

	// BusyTime and IdleTime are the loop's life, up to the last wait: at work,
	// and asleep in its waits. A wait that only looks is work.
	BusyTime, IdleTime time.Duration

	// TurnTime is how long the loop was at work between two waits, in which no
	// connection was looked at. Its sum is BusyTime.
	TurnTime Histogram
	// TimerLateness is how long after its moment each timer fired, by the clock
	// at the turn's beginning.
	TimerLateness Histogram

	Ready    int // runnables that are waiting for the batch now
	MaxReady int // the most that were, at a batch's beginning
	Sources  int // registered now
	Conns    int // connections now, those about to close included
}

// Budgets count for each budget of Limits how often it was used up: by all that
// there was, or with something left for the next turn.
type Budgets struct {
	Tasks     uint64 // TasksPerTurn
	Timers    uint64 // TimersPerTurn, by timers
	Deadlines uint64 // TimersPerTurn, by deadlines
	Events    uint64 // EventsPerWait
	Accepts   uint64 // AcceptsPerTurn, by a listener
	Bytes     uint64 // BytesPerTurn, by a connection, in either direction
}

// Stats are the loop's counters so far.
func (l *Loop) Stats() Stats {
	s := l.stats
	s.Turns = l.pulse.turns.Load()
	s.TurnTime = l.pulse.busy
	s.BusyTime, s.IdleTime = s.TurnTime.Sum(), l.pulse.idle
	s.Ready = l.ready.len + len(l.next)
	s.Sources, s.Conns = l.slots.used, l.conns.len
	return s
}
