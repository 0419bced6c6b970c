package prefork

import (
	"errors"
	"fmt"
	"time"
)

// RestartPolicy is what a master does about workers that end without being told
// to. The first one is replaced at once. One that keeps ending soon after its
// start is given more and more time between two starts, and at last the master
// gives up: a server that cannot work is noticed sooner when it is gone than when
// it comes back ten times a second. A field left zero has the default named beside
// it.
type RestartPolicy struct {
	// Stable is how long a worker must have served for its end to be an accident
	// of its own, unconnected with those before it. 10 s.
	Stable time.Duration
	// Backoff is the time before the second restart in a row; it doubles with
	// each one, up to MaxBackoff. 100 ms, 5 s.
	Backoff, MaxBackoff time.Duration
	// Limit is how many times in a row a worker may end before it was stable.
	// The master stops then, with ErrWorkersEnd. 10: after about half a minute.
	Limit int
}

// ErrWorkersEnd: a worker has ended RestartPolicy.Limit times in a row.
var ErrWorkersEnd = errors.New("prefork: a worker keeps ending")

func (p RestartPolicy) withDefaults() RestartPolicy {
	orDefault(&p.Stable, 10*time.Second)
	orDefault(&p.Backoff, 100*time.Millisecond)
	orDefault(&p.MaxBackoff, 5*time.Second)
	orDefault(&p.Limit, 10)
	return p
}

// restarts is the history of a slot.
type restarts struct {
	policy  RestartPolicy
	inARow  int
	lastEnd exit
}

// ended takes note of an end, after the worker has served for so long, and says
// how long to wait before the next start.
func (r *restarts) ended(served time.Duration, e exit) (wait time.Duration, err error) {
	if served >= r.policy.Stable {
		r.inARow = 0
	}
	r.inARow++
	r.lastEnd = e
	if r.inARow >= r.policy.Limit {
		return 0, fmt.Errorf("%w: %d times within %v of its start; the last time: %v", ErrWorkersEnd, r.inARow, r.policy.Stable, e)
	}
	if r.inARow == 1 {
		return 0, nil
	}
	wait = r.policy.Backoff
	for range r.inARow - 2 {
		wait = min(2*wait, r.policy.MaxBackoff)
	}
	return wait, nil
}

func orDefault[T int | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}
