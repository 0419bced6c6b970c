package sim

import (
	"io"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/weft-go/weft/poller"
)

// system is a host's boundary for one loop: the poller.OS. The calls are in
// sockets.go.
type system struct {
	process *process
	world   *World
	perWait int

	registered []*file
	ready      []report // in the order in which they came
	first      int      // of ready
	// interrupted makes Wait return with nothing, as a signal does.
	interrupted bool
	closed      bool
	woken       atomic.Bool
	sleeper     *program // whose Wait or Close is under way
	jobs        int      // functions of Go's that have not ended
	describe    func(io.Writer)
}

// report is a file that has something to tell. It is void once the
// registration it was made under has ended.
type report struct {
	file  *file
	under uint32
}

var _ poller.Simulated = (*system)(nil)

// defaultEventsPerWait is package poller's.
const defaultEventsPerWait = 256

func (p *process) open(c poller.Config) *system {
	if c.EventsPerWait <= 0 {
		c.EventsPerWait = defaultEventsPerWait
	}
	return &system{process: p, world: p.host.world, perWait: c.EventsPerWait}
}

// Add registers fd. Both directions are armed: the first event tells how things
// are.
func (o *system) Add(fd poller.FD, t poller.Token) error {
	f, errno := o.process.file(fd)
	switch {
	case errno != 0:
		return os.NewSyscallError("sim: add", errno)
	case f.os != nil:
		return os.NewSyscallError("sim: add", syscall.EEXIST)
	}
	f.os, f.token, f.armed, f.hung = o, t, poller.Readable|poller.Writable, false
	f.place = len(o.registered)
	o.registered = append(o.registered, f)
	o.world.note(o.process.host, actAdd, fd, 0, nil)
	f.recheck(poller.Readable | poller.Writable)
	return nil
}

// Remove ends a registration.
func (o *system) Remove(fd poller.FD) error {
	f, errno := o.process.file(fd)
	if errno != 0 {
		return os.NewSyscallError("sim: remove", errno)
	}
	if f.os != o {
		return os.NewSyscallError("sim: remove", syscall.ENOENT)
	}
	f.unregister()
	return nil
}

// Rearm arms the directions, and reports them if they are ready.
func (o *system) Rearm(fd poller.FD, r poller.Readiness) {
	if f, errno := o.process.file(fd); errno == 0 && f.os == o {
		f.armed |= r
		f.recheck(r)
	}
}

// Wait gives the baton away until there is something to report. With events at
// hand it keeps it, for a number of times that the seed decides: a program that
// is always busy does not keep the others from running.
func (o *system) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	w, g := o.world, o.world.running
	w.now += w.config.Turn
	w.keepUp()
	if o.closed {
		return 0, os.NewSyscallError("sim: wait", syscall.EBADF)
	}
	if o.process.dead {
		return 0, o.dying(g, timeout)
	}
	o.disturb(timeout)
	if timeout == 0 || o.hasWork() {
		w.catchUp()
		if g.streak--; g.streak >= 0 {
			return o.collect(events), nil
		}
	}
	until := never
	if timeout >= 0 && timeout < never-w.now {
		until = w.now + timeout
	}
	for {
		stop := until
		if o.hasWork() {
			stop = w.now
		}
		o.sleeper = g
		err := g.sleep(o, stop)
		o.sleeper = nil
		if err != nil {
			return 0, err
		}
		if o.process.dead {
			return 0, o.dying(g, timeout)
		}
		if o.hasWork() || w.now >= until {
			break
		}
	}
	g.streak = w.rng.IntN(mostStreak)
	return o.collect(events), nil
}

// mostStreak is how many Waits a program with work goes on before others can
// run, at most.
//
// Bound: enough to make a hand-over, a third of a microsecond, a small part of
// what programs do; few enough for their steps to mix.
const mostStreak = 8

func (o *system) dying(g *program, timeout time.Duration) error {
	if g == o.world.root {
		return ErrEnded
	}
	return g.unwind(timeout)
}

// hasWork reports whether Wait has a reason to return.
func (o *system) hasWork() bool {
	for ; o.first < len(o.ready); o.first++ {
		if r := o.ready[o.first]; r.valid(o) {
			return true
		}
	}
	o.ready, o.first = o.ready[:0], 0
	return o.interrupted || o.woken.Load()
}

func (r report) valid(o *system) bool {
	return r.file.os == o && r.file.registration == r.under && r.file.pending != 0
}

// collect hands out what came first, in an order of the seed's: the contract
// promises none between descriptors.
func (o *system) collect(events []poller.Event) int {
	o.woken.Store(false)
	o.interrupted = false
	n := 0
	for limit := min(len(events), o.perWait); n < limit && o.first < len(o.ready); o.first++ {
		r := o.ready[o.first]
		if !r.valid(o) {
			continue
		}
		events[n] = r.file.handOut()
		n++
	}
	if o.first == len(o.ready) {
		o.ready, o.first = o.ready[:0], 0
	}
	if n > 1 {
		o.world.rng.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
	}
	return n
}

// rouse makes the program that sleeps in Wait run again.
func (o *system) rouse() {
	if g := o.sleeper; g != nil && g.state == programSleeping {
		g.ready()
	}
}

// Wake makes the current or the next Wait return. Any goroutine may call it.
func (o *system) Wake() error {
	if o.woken.Swap(true) {
		return nil
	}
	w := o.world
	w.mu.Lock()
	w.wakes = append(w.wakes, o)
	w.mu.Unlock()
	w.woken.Store(true)
	if w.outside != nil {
		w.outside.rouse()
	}
	return nil
}

// takeWakes rouses those whose Wake was called.
func (w *World) takeWakes() {
	if !w.woken.Load() {
		return
	}
	w.woken.Store(false)
	w.mu.Lock()
	wakes := w.wakes
	w.wakes = nil
	w.mu.Unlock()
	for _, o := range wakes {
		o.rouse()
	}
}

// Close ends the registrations, and returns when the functions given to Go have.
func (o *system) Close() error {
	if err := o.finishJobs(); err != nil {
		return err
	}
	for _, f := range o.registered {
		f.os, f.pending = nil, 0
	}
	o.registered, o.ready, o.first = nil, nil, 0
	o.closed = true
	o.process.described = slices.DeleteFunc(o.process.described, func(other *system) bool { return other == o })
	return nil
}

// Now is the host's clock.
func (o *system) Now() time.Duration {
	return o.world.now + o.process.host.skew + o.process.ghost
}

// Epoch is the beginning of the world, earlier by what the host's clock has
// jumped: a deadline by time.Now, which does not jump, is as far away as before.
func (o *system) Epoch() time.Time { return o.world.epoch.Add(-o.process.host.skew) }
