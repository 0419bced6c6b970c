package reactor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/poller"
)

// Options configure a loop. The zero value works.
type Options struct {
	// OS is the operating system's boundary. By default the loop opens its
	// own with Poller.
	OS poller.OS
	// Poller configures the boundary the loop opens.
	Poller poller.Config
	// Limits are the budgets of the loop's phases.
	Limits Limits
	// Logger gets what has no other way to the user: panics in callbacks,
	// trouble in accepting. slog.Default() by default.
	Logger *slog.Logger
	// PoisonBuffers overwrites the bytes given to OnData when it returns, so
	// that a handler that keeps them shows it. For tests.
	PoisonBuffers bool
	// Shuffle draws the order in which a turn's batch runs what is ready at its
	// beginning; nil is first in, first out. Posted functions keep their order
	// among themselves. For tests: it finds code that relies on an order.
	Shuffle *rand.Rand
}

// Loop is an event loop: one goroutine that waits for descriptors, timers and
// posted functions, and calls their handlers one after the other. Except for
// Post, Stop and Activity, its methods, and those of everything that is on it,
// belong to that goroutine; before Run they may be called from the one that made it.
type Loop struct {
	os      poller.OS
	now     time.Duration // the clock at the turn's beginning
	limits  Limits
	log     *slog.Logger
	poison  bool
	shuffle *rand.Rand // nil for first in, first out
	state   loopState
	running bool // inside Turn
	stopped atomic.Bool

	slots  slots
	ready  ring[Runnable] // this turn's batch and what follows
	next   []Runnable     // the batch of the next turn begins with these
	posts  postQueue
	taken  int // posted functions in ready
	timers timerHeap
	wheel  wheel

	// The lists that the phases work through, with the place each has reached:
	// here, so that a phase goes on behind a step that panicked.
	events      []poller.Event
	nextEvent   int
	dirty       []*Conn // have output to flush
	flushing    []*Conn // the ones of this turn
	nextDirty   int
	closing     []*Conn // are closed, but for the descriptor and the callback
	nextClosing int
	active      *Conn // whose handler is running

	readBuffer []byte
	chunks     chunkPool
	vectors    [][]byte // scratch for flush
	conns      connList
	listeners  map[*Listener]struct{}
	draining   bool         // Run's context has ended
	load       atomic.Int64 // accepted connections, those on their way here included

	stats Stats
	pulse pulse // busy or asleep
}

// loopState is where a loop is in its life.
//
//	open --Close, the end of Run--> closing --all is closed--> closed
type loopState uint8

const (
	loopOpen loopState = iota
	loopClosing
	loopClosed
)

func (s loopState) String() string {
	return [...]string{"open", "closing", "closed"}[s]
}

// Runnable is something to run in a turn's batch.
type Runnable interface{ Run() }

// NewLoop makes a loop. Errors: those of poller.Open.
func NewLoop(o Options) (*Loop, error) {
	l := &Loop{
		os:        o.OS,
		limits:    o.Limits.withDefaults(),
		log:       o.Logger,
		poison:    o.PoisonBuffers,
		shuffle:   o.Shuffle,
		listeners: make(map[*Listener]struct{}),
	}
	if l.log == nil {
		l.log = slog.Default()
	}
	if l.os == nil {
		o.Poller.EventsPerWait = l.limits.EventsPerWait
		var err error
		if l.os, err = poller.Open(o.Poller); err != nil {
			return nil, err
		}
	}
	l.events = make([]poller.Event, l.limits.EventsPerWait)
	l.readBuffer = make([]byte, l.limits.ReadBuffer)
	l.chunks.limit = l.limits.FreeChunks
	l.now = l.os.Now()
	l.wheel.hand = int64(l.now / wheelTick)
	return l, nil
}

// Turn does one turn of the loop and waits no longer than limit in it; a
// negative limit is no limit. Run repeats it; who steps a loop by hand, as a
// simulator does, calls it.
func (l *Loop) Turn(limit time.Duration) error {
	if l.running {
		return ErrRunning
	}
	if l.state != loopOpen {
		return ErrLoopClosed
	}
	l.running = true
	defer func() { l.running = false }()

	// The clock is read once, so that all phases agree on what is due.
	l.now = l.os.Now()
	l.pulse.turn(l.now)

	// Timers and deadlines come before new events: what ran out before the
	// event was fetched has run out.
	l.fireTimers()
	l.fireDeadlines()

	// The batch: tasks made runnable by timers, by the last turn's events and
	// by each other, and posted functions, first in first out.
	l.runBatch()

	// Everything above may have written. One flush for each connection, as
	// late as possible, but before the loop may sleep.
	l.flushDirty()

	// The only place where the loop sleeps.
	n, err := l.wait(limit)

	// Events run connection handlers, which read, answer, and flush their own
	// answer at once; tasks are only made runnable, for the next batch.
	l.dispatch(n)

	// Descriptors are closed last: until here no number of theirs could be
	// used again, so no event of this batch reached a stranger.
	l.finishClosing()
	return err
}

// Run turns the loop until ctx ends, then lets the connections drain: listeners
// are closed, every connection is closed as by Close, and Run returns nil when
// the last one is gone, which each one's DrainTimeout bounds. After Stop it
// returns at once, with the connections aborted. A loop runs once: ErrLoopClosed
// afterwards. Run locks its goroutine to its thread.
func (l *Loop) Run(ctx context.Context) error {
	if l.running {
		return ErrRunning
	}
	if l.state != loopOpen {
		return ErrLoopClosed
	}
	defer poller.LockThread(l.os)()

	stopWatching := context.AfterFunc(ctx, func() { _ = l.postAlways(l.drain) })
	defer stopWatching()

	finished := false
	defer func() {
		if !finished { // a callback called runtime.Goexit: the goroutine ends, the connections must not hang
			l.log.Error("reactor: runtime.Goexit in a callback ends the loop")
			_ = l.Close()
		}
	}()
	var err error
	for err == nil && !l.atEnd() {
		err = l.Turn(-1)
	}
	err = errors.Join(err, l.Close())
	finished = true
	return err
}

// atEnd reports whether Run has nothing left to wait for.
func (l *Loop) atEnd() bool {
	return l.stopped.Load() || l.draining && l.conns.len == 0
}

// ending reports whether it is too late for new connections: those that are
// there have been told to close.
func (l *Loop) ending() bool { return l.draining || l.state != loopOpen }

// drain begins the graceful end.
func (l *Loop) drain() {
	l.draining = true
	for ln := range l.listeners {
		_ = ln.Close()
	}
	for c := range l.conns.all {
		_ = c.Close()
	}
}

// Stop makes Run return soon, without draining. Any goroutine may call it.
func (l *Loop) Stop() {
	if !l.stopped.Swap(true) && l.posts.wake() {
		_ = l.os.Wake()
	}
}

// Close ends a loop that is not running: functions posted so far are run, what
// is still registered is closed, connections with a reset and ErrLoopClosed for
// their OnClose, waiters with net.ErrClosed, and the poller is released.
func (l *Loop) Close() error {
	if l.running {
		return ErrRunning
	}
	if l.state == loopClosed {
		return nil
	}
	l.running, l.active = true, nil
	defer func() {
		l.running = false
		if l.state != loopClosed { // a callback called runtime.Goexit: what is left is closed all the same
			_ = l.Close()
		}
	}()
	l.takePosted(l.posts.close())
	l.runRest()
	l.state = loopClosing
	for ln := range l.listeners {
		_ = ln.Close()
	}
	for c := range l.conns.all {
		c.abort = true
		c.finish(ErrLoopClosed)
	}
	l.finishClosing()
	for _, s := range l.slots.sources {
		if s != nil {
			l.each(1, func(*Loop) bool { _ = s.Close(); return true }) // its waiters may panic
		}
	}
	l.runRest() // what the callbacks and the waiters made runnable
	l.state = loopClosed
	l.pulse.rest(l.os.Now())
	return l.os.Close()
}

// closingBatches bounds what a closing loop still runs: enough for all that can
// have been posted, and an end for a function that goes on scheduling itself.
func (l *Loop) closingBatches() int { return l.limits.MaxPosted/l.limits.TasksPerTurn + 1 }

func (l *Loop) runRest() {
	for n := l.closingBatches(); n > 0 && l.ready.len+len(l.next) > 0; n-- {
		l.runBatch()
	}
}

// OS is the loop's boundary to the operating system.
func (l *Loop) OS() poller.OS { return l.os }

// Now is the loop's clock at the beginning of the turn.
func (l *Loop) Now() time.Duration { return l.now }

// At places a moment on the loop's clock, as SetDeadline wants it: the zero
// time is 0, none, and a moment in the past is one that has passed.
func (l *Loop) At(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return max(t.Sub(l.os.Epoch()), 1)
}

// After is the moment when d has passed from now on; the end of time if d is
// too long for the clock. The clock is read: Now is the turn's beginning, and
// what counted from there would be early after a long callback.
func (l *Loop) After(d time.Duration) time.Duration {
	now := l.os.Now()
	return now + min(max(d, 0), math.MaxInt64-now)
}

// Schedule adds r to the batch: it runs in this turn if the turn has not
// reached its wait and its budget lasts, otherwise in the next one. First in,
// first out.
func (l *Loop) Schedule(r Runnable) { l.ready.push(r) }

// ScheduleNext adds r to the batch of the next turn: it runs when the loop has
// looked at its descriptors and timers again. It is for what has used up its
// share of this turn.
func (l *Loop) ScheduleNext(r Runnable) { l.carry(r) }

// Post makes the loop call fn. Any goroutine may call it; functions of one
// goroutine run in the order in which it posted them. The loop is woken only
// if it sleeps. Errors: ErrLoopClosed, ErrPostQueueFull; fn is not called then.
func (l *Loop) Post(fn func()) error {
	return l.post(fn, l.limits.MaxPosted)
}

// postAlways is Post without the bound, for the loops' own messages: they are
// few, and a lost one would be a loop that never ends.
func (l *Loop) postAlways(fn func()) error { return l.post(fn, math.MaxInt) }

func (l *Loop) post(fn func(), limit int) error {
	wake, err := l.posts.push(fn, limit)
	switch {
	case wake:
		return l.os.Wake()
	case err == ErrPostQueueFull:
		return fmt.Errorf("%w: %d, which is Limits.MaxPosted", err, limit)
	}
	return err
}
