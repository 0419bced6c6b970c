package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/weft-go/weft/bench/result"
)

// Progress is how far a run is.
type Progress struct {
	// Done of Total samples have been taken; Left is the time that the others will
	// take, as far as it can be told from those.
	Done, Total int
	Left        time.Duration
	// Next is the sample that is being taken, Rounds how many rounds there are.
	Next   result.Step
	Rounds int
}

// Failure is a backend that could not be measured at a point.
type Failure struct {
	Backend string
	Point   result.Point
	Why     string
}

func (f Failure) String() string {
	return fmt.Sprintf("%s failed at %s: %s", f.Backend, f.Point.Key(), f.Why)
}

// Report is how a run went.
type Report struct {
	Taken    int
	Failures []Failure
	// Cut says why samples at the end were not taken; empty if all were.
	Cut string
}

// Run takes the samples. Each is given to keep as soon as it is there, also a void
// one. A backend that fails at a point is not tried there again. Errors:
// ctx.Err(), and those of keep, which end the run. Who may call: a goroutine that
// stays locked to its thread, as the processes live as long as that.
func (l *Lab) Run(ctx context.Context, keep func(result.Sample) error, tell func(Progress)) (Report, error) {
	var r Report
	pace, failed, skipped := pace{began: time.Now()}, map[string]bool{}, 0
	for i := 0; i < len(l.order); i++ {
		if n := l.block(i); l.late(i, n, pace) {
			skipped, i = skipped+n, i+n-1
			continue
		}
		s := l.order[i]
		tell(Progress{
			Done: i, Total: len(l.order), Left: pace.of(l.Estimate() - l.until[i]), Next: s.result(), Rounds: l.rounds(),
		})
		cell := s.row.label + " " + s.place.point().Key()
		if failed[cell] {
			continue
		}
		sample, err := l.take(ctx, s)
		if ctx.Err() != nil {
			return r, ctx.Err()
		}
		if err != nil {
			failed[cell] = true
			r.Failures = append(r.Failures, Failure{s.row.label, s.place.point(), err.Error()})
			sample = result.Sample{Step: s.result(), Started: time.Now(), Void: err.Error()}
		}
		if err := keep(sample); err != nil {
			return r, err
		}
		pace.thought += l.estimate(s)
		r.Taken++
	}
	if skipped > 0 {
		r.Cut = fmt.Sprintf("%d of %d samples fitted into %v", len(l.order)-skipped, len(l.order), l.settings.Budget)
	}
	return r, nil
}

// pace is how fast the samples are, compared with what was thought.
type pace struct {
	began   time.Time
	thought time.Duration // of those that have been taken
}

// of is how long something takes that is thought to take so long.
func (p pace) of(thought time.Duration) time.Duration {
	if p.thought == 0 {
		return thought
	}
	return time.Duration(float64(thought) * float64(time.Since(p.began)) / float64(p.thought))
}

// late reports that the n steps from i on, if they are a whole block, would not end
// within the budget. Shorter blocks after them may. Blocks are not cut, so that what
// there is can be compared in pairs, and the first one is measured in any case.
func (l *Lab) late(i, n int, p pace) bool {
	budget := l.settings.Budget
	if budget == 0 || p.thought == 0 || i > 0 && l.block(i-1) > 1 {
		return false
	}
	return time.Since(p.began)+p.of(l.until[i+n]-l.until[i]) > budget
}
