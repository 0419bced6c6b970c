package models

import (
	"crypto/sha256"
	"time"
)

// Crews are how many workers a job is given to.
func Crews(cores int) []int { return []int{1, cores, 5 * cores, 10 * cores} }

// share is one worker's part of a job.
type share struct {
	rounds, pauses int
	length         time.Duration
}

// shareOf splits a job's work: of n workers, i gets this much.
func shareOf(j Job, e Effort, n, i int) share {
	part := func(all int) int { return all*(i+1)/n - all*i/n }
	s := share{length: e.PauseLength}
	if j != JobIO {
		s.rounds = part(e.Rounds)
	}
	if j != JobCPU {
		s.pauses = part(e.Pauses)
	}
	return s
}

// do does it: the pauses are spread over the calculation.
func (s share) do(pause func(time.Duration)) {
	done := 0
	for i := range s.pauses {
		until := s.rounds * (i + 1) / s.pauses
		calculate(until - done)
		done = until
		pause(s.length)
	}
	calculate(s.rounds - done)
}

// roundBytes is what a round of calculation hashes.
//
// Bound: some 10 us: fine enough to divide a job among many workers.
const roundBytes = 8 << 10

func calculate(rounds int) {
	var block [roundBytes]byte
	for range rounds {
		_ = sha256.Sum256(block[:])
	}
}

// RoundsIn is how many rounds of calculation a processor does in d, when it is not
// disturbed: the best of some tries. Work is given as a number of rounds, since work
// that is given as a time would not be work: it would end with the time, whether
// there was a processor or not.
func RoundsIn(d time.Duration) int {
	const tries, rounds = 20, 50
	best := time.Hour
	for range tries {
		began := time.Now()
		calculate(rounds)
		best = min(best, time.Since(began))
	}
	return max(1, int(d*rounds/max(best, 1)))
}
