package sim

import "time"

// outside is what the world knows of goroutines that are not its programs, in
// the bubble of a test (testing/synctest): there time.Now is virtual too, and
// its clock goes on only when every goroutine waits.
//
// A jump of the clock is a wait for one timer, which a Wake from outside sets
// to this moment. A select of the timer and a call would cost a third more, and
// a world that is idle does nothing but jump.
type outside struct {
	timer *time.Timer
}

func (o *outside) rouse() { o.timer.Reset(0) }

// wait lets the goroutines outside run, and the bubble's clock go on to a
// moment, or to an earlier one at which one of them calls Wake. It reports
// whether one has.
//
// Order: the timer first, then the look at who has called. A call after the
// look finds the timer set; one before it is seen, and its timer, should it be
// late, ends another wait early, which goes on then.
func (o *outside) wait(w *World, until time.Duration) bool {
	for {
		left := until - time.Since(w.epoch)
		o.timer.Reset(left)
		if !w.woken.Load() {
			<-o.timer.C
		}
		if w.woken.Load() {
			w.now = max(w.now, time.Since(w.epoch))
			return true
		}
		if time.Since(w.epoch) >= until {
			return false
		}
	}
}

// keepUp is the world's clock after a program that may have slept by itself, by
// time.Sleep or by waiting for a goroutine beside it: in a bubble time went on.
func (w *World) keepUp() {
	if w.outside != nil {
		w.now = max(w.now, time.Since(w.epoch))
	}
}
