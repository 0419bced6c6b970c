package poller

import "time"

// monotonic is the Clock of the real systems: the runtime's monotonic clock,
// read without a system call.
type monotonic struct{ epoch time.Time }

func newMonotonic() monotonic { return monotonic{time.Now()} }

func (m monotonic) Now() time.Duration { return time.Since(m.epoch) }

func (m monotonic) Epoch() time.Time { return m.epoch }

// ceilMillis rounds a timeout up to whole milliseconds, as calls that count in
// them need it: rounding down would wake a loop early, to find nothing due, and
// to spin until it is. Negative stays negative: no timeout.
//
// Bound: the result fits the C int of the calls, 24.8 days; a longer timeout
// returns early, which the contract allows no one to notice: the loop looks at
// its clock and waits again.
func ceilMillis(d time.Duration) int {
	if d < 0 {
		return -1
	}
	const most = 1<<31 - 1
	ms := d / time.Millisecond
	if d%time.Millisecond != 0 {
		ms++
	}
	if ms > most {
		return most
	}
	return int(ms)
}
