package reactor

// Stats are a loop's counters since it was made. They are plain numbers that
// the loop's goroutine counts up; Loop.Stats copies them.
type Stats struct {
	Turns       uint64 // turns of the loop
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

	Carried uint64 // times a connection or listener spent its budget for a turn

	Sources int // registered now
	Conns   int // connections now, those about to close included
}
