package sim

import "time"

// outside is what the world knows of goroutines that are not its programs, in
// the bubble of a test (testing/synctest): there time.Now is virtual too, and
// its clock goes on only when every goroutine waits.
type outside struct {
	timer *time.Timer
	call  chan struct{} // one of them called Wake
}

func (o *outside) rouse() {
	select {
	case o.call <- struct{}{}:
	default:
	}
}

// wait lets the goroutines outside run, and the bubble's clock go on to a
// moment, or to an earlier one at which one of them calls. It reports whether
// one has.
func (o *outside) wait(w *World, until time.Duration) bool {
	o.timer.Reset(until - time.Since(w.epoch))
	select {
	case <-o.timer.C:
		return w.woken.Load()
	case <-o.call:
		o.timer.Stop()
		w.now = max(w.now, time.Since(w.epoch))
		return true
	}
}
