package reactor

import "time"

// Backoff paces what failed for want of something that others have to give
// back, as package net/http does: 5 ms, twice as long each time, a second at
// most. The zero value is ready.
type Backoff struct{ last time.Duration }

const (
	backoffFirst = 5 * time.Millisecond
	backoffMost  = time.Second
)

// Next is how long to wait this time.
func (b *Backoff) Next() time.Duration {
	b.last = min(max(2*b.last, backoffFirst), backoffMost)
	return b.last
}

// First reports whether the last Next began a series: the time to tell a log.
func (b *Backoff) First() bool { return b.last == backoffFirst }

// Reset ends a series: it worked.
func (b *Backoff) Reset() { b.last = 0 }
