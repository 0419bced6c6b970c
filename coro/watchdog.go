package coro

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/reactor"
)

// watchdog looks at the loops from outside, since a loop that stands still
// cannot tell. It is one goroutine for all loops of the process, from the first
// Run to the end of the last.
//
//	loop, before each turn             watchdog, when all has been quiet
//	----------------------             ---------------------------------
//	count the turn                     asleep = true
//	if asleep: asleep = false,         if a loop has counted a turn since the
//	   and rouse it                       last look, or is at work: look on
//	                                   sleep until somebody rouses it
//
// Invariant: each side first writes its own variable, then reads the other's, so
// that no turn begins unseen by a watchdog that sleeps. A process whose loops have
// nothing to do is not woken by it.
type watchdog struct {
	mu      sync.Mutex
	watched map[*watch]struct{}

	asleep atomic.Bool
	rouse  chan struct{} // holds one
	stop   chan struct{}
	done   chan struct{}
}

const (
	// defaultStallLimit is how long a turn may take.
	//
	// Bound: a turn's budget is some hundred microseconds. What a person at the
	// other end would notice is 100 ms.
	defaultStallLimit = 100 * time.Millisecond

	// looksPerLimit makes a report late by a quarter of the limit at most.
	looksPerLimit = 4

	// shortestLook is the least time between two looks: 1000 wake-ups a second
	// are what a person who asked for it may pay.
	shortestLook = time.Millisecond

	// quietLooks is after how many looks without anything to see the watchdog
	// goes to sleep. With fewer, a server with ten requests a second would pay
	// for rousing it ten times.
	quietLooks = 20
)

// watch is a loop under the watchdog's eyes.
type watch struct {
	loop    *loop
	dog     *watchdog
	limit   time.Duration
	onStall func(Stall)
	turns   atomic.Uint64  // that the loop has begun: its side of the handshake
	reports sync.WaitGroup // under way

	// The rest belongs to the watchdog's goroutine.
	seen   uint64           // turns at the last look
	doing  reactor.Activity // at the last look
	first  time.Time        // when this turn was seen first
	held   time.Duration    // the time since then in which the watchdog looked
	next   time.Duration    // when held comes to it there is a report
	nth    int              // reports of this turn
	task   uint64           // running at the last look
	steady time.Time        // when it was seen first
}

// kennel has the watchdog of the process.
var kennel struct {
	mu  sync.Mutex
	dog *watchdog
}

// watchLoop puts a loop under the watchdog's eyes.
func watchLoop(l *loop, limit time.Duration, onStall func(Stall)) *watch {
	if limit == 0 {
		limit = defaultStallLimit
	}
	kennel.mu.Lock()
	defer kennel.mu.Unlock()
	d := kennel.dog
	if d == nil {
		d = &watchdog{
			watched: make(map[*watch]struct{}),
			rouse:   make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		}
		kennel.dog = d
		go d.run()
	}
	w := &watch{loop: l, dog: d, limit: limit, onStall: onStall}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watched[w] = struct{}{}
	return w
}

// end is the end of the loop. When it returns, no report of the loop is under
// way, and with the last loop the watchdog has ended.
func (w *watch) end() {
	d := w.dog
	kennel.mu.Lock()
	d.mu.Lock()
	delete(d.watched, w)
	last := len(d.watched) == 0
	d.mu.Unlock()
	if last {
		kennel.dog = nil
		close(d.stop)
	}
	kennel.mu.Unlock()
	w.reports.Wait()
	if last {
		<-d.done
	}
}

// turn says that the loop begins a turn.
func (w *watch) turn() {
	w.turns.Add(1)
	if w.dog.asleep.Load() {
		w.dog.wake()
	}
}

//go:noinline
func (d *watchdog) wake() {
	if d.asleep.CompareAndSwap(true, false) {
		select {
		case d.rouse <- struct{}{}:
		default:
		}
	}
}

func (d *watchdog) run() {
	defer close(d.done)
	timer := time.NewTimer(shortestLook)
	defer timer.Stop()
	last, quiet := time.Now(), 0
	for {
		select {
		case <-d.stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		pause, busy := d.look(now, now.Sub(last))
		last = now
		if quiet++; busy {
			quiet = 0
		}
		if quiet > quietLooks {
			if !d.sleep() {
				return
			}
			last, quiet = time.Now(), 0
		}
		timer.Reset(pause)
	}
}

// sleep sleeps until a loop begins a turn, and reports false at the end.
func (d *watchdog) sleep() bool {
	d.asleep.Store(true)
	if d.anythingNew() {
		d.asleep.Store(false)
		return true
	}
	select {
	case <-d.rouse:
		return true
	case <-d.stop:
		return false
	}
}

// anythingNew reports whether a loop has begun a turn since the last look, or
// was at work then.
func (d *watchdog) anythingNew() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for w := range d.watched {
		if w.turns.Load() != w.seen || w.doing.Busy {
			return true
		}
	}
	return false
}

// look looks at every loop, and reports those that stand still. The last look
// was a while ago; the next is due after pause.
func (d *watchdog) look(now time.Time, while time.Duration) (pause time.Duration, busy bool) {
	pause = defaultStallLimit / looksPerLimit
	for _, w := range d.due(now, while, &pause, &busy) {
		w.report(now)
		w.reports.Done()
	}
	return max(pause, shortestLook), busy
}

// due are the loops to report now, whose reports have begun.
func (d *watchdog) due(now time.Time, while time.Duration, pause *time.Duration, busy *bool) []*watch {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []*watch
	for w := range d.watched {
		every := w.limit / looksPerLimit
		*pause = min(*pause, every)
		turns := w.turns.Load()
		*busy = *busy || turns != w.seen
		w.seen = turns
		stalled := w.look(now, min(while, 2*every))
		*busy = *busy || w.doing.Busy
		if stalled {
			w.reports.Add(1)
			due = append(due, w)
		}
	}
	return due
}

// look looks at one loop, and reports whether it has stood still for so long
// that the time for a report has come: the limit, and then twice as long each
// time.
//
// Only time in which the watchdog looks counts as such: while the process is
// stopped, by a signal or a debugger, or gets no processor, no loop is to blame.
func (w *watch) look(now time.Time, while time.Duration) bool {
	doing := w.loop.reactor.Activity()
	if doing != w.doing || !doing.Busy {
		w.doing, w.first, w.held, w.next, w.nth, w.task = doing, now, 0, w.limit, 0, 0
		return false
	}
	if running := w.loop.glimpse().id; running != w.task {
		w.task, w.steady = running, now
	}
	w.held += while
	if w.held < w.next {
		return false
	}
	w.next = 2 * w.held
	w.nth++
	return true
}
