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
	began, failed := time.Now(), map[string]bool{}
	for i, s := range l.order {
		if cut := l.cut(i, began); cut != "" {
			r.Cut = cut
			return r, nil
		}
		tell(Progress{Done: i, Total: len(l.order), Left: l.left(i, began), Next: s.result(), Rounds: l.rounds()})
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
		r.Taken++
	}
	return r, nil
}

// left is the time from step i to the end: what was thought it takes, corrected by
// how wrong that has been so far.
func (l *Lab) left(i int, began time.Time) time.Duration {
	left := l.Estimate() - l.until[i]
	if thought := l.until[i]; thought > 0 {
		left = time.Duration(float64(left) * float64(time.Since(began)) / float64(thought))
	}
	return left
}

// cut says why no more is begun at step i: only at the beginning of a block, so
// that what there is can be compared in pairs.
func (l *Lab) cut(i int, began time.Time) string {
	s := l.settings
	if s.Budget == 0 || i == 0 || l.block(i-1) > 1 {
		return ""
	}
	passed := time.Since(began)
	next := float64(l.until[i+l.block(i)]-l.until[i]) * float64(passed) / float64(l.until[i])
	if passed+time.Duration(next) <= s.Budget {
		return ""
	}
	return fmt.Sprintf("%d of %d samples fitted into %v", i, len(l.order), s.Budget)
}
