package sim

import (
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"time"

	"github.com/weft-go/weft/poller"
)

// ErrEnded is what Wait returns to a program whose world has ended, or whose
// host has crashed: it is to unwind.
var ErrEnded = errors.New("sim: the host is gone")

// program is something that runs on a host: a function with a loop in it. It is
// a coroutine, so that one program runs at a time, and which one is the
// world's choice: it runs from one Wait to the next.
//
//	         chosen             Wait, nothing to do
//	ready --------------> running -----------------> sleeping
//	  ^                    |   |                        |
//	  |   Wait, has work   |   | fn returns             |
//	  '--------------------'   v                        |
//	  ^                      ended                      |
//	  '-------------------------------------------------'
//	        event, wake-up, the time is up
type program struct {
	world   *World
	process *process // nil for the test itself
	name    string
	boot    *bootEntry
	state   programState

	// How long it sleeps is its appointment with the clock.
	appointment
	since  time.Duration // it has been sleeping
	on     *system       // whose Wait it is in
	streak int           // Waits it may go on for without giving way

	next    func() (struct{}, bool)
	stop    func()
	yield   func(struct{}) bool
	started bool
	err     error
	dying   int // Waits since it was told to end
}

type programState uint8

const (
	programReady programState = iota
	programRunning
	programSleeping
	programEnded
)

func (s programState) String() string {
	return [...]string{"ready", "running", "sleeping", "ended"}[s]
}

// spawn makes a program of the process; it runs when the world does.
func (p *process) spawn(b *bootEntry) {
	w := p.host.world
	g := &program{world: w, process: p, name: b.name, boot: b}
	g.appointment.do = g.timeIsUp
	g.next, g.stop = iter.Pull(func(yield func(struct{}) bool) {
		g.yield = yield
		g.main()
	})
	p.programs = append(p.programs, g)
	w.programs = append(w.programs, g)
	w.note(p.host, actStart, noFD, 0, nil)
	g.ready()
}

func (g *program) main() {
	defer func() {
		if v := recover(); v != nil {
			g.err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
		g.state = programEnded
	}()
	g.err = g.boot.fn(g.process.open(poller.Config{}))
}

// label is how reports call the program.
func (g *program) label() string {
	if g.process == nil {
		return g.name
	}
	return g.process.host.name + "/" + g.name
}

// ready makes the program one of those that can run. A paused host's wait until
// it is resumed.
func (g *program) ready() {
	g.world.agenda.cancel(&g.appointment)
	g.state, g.on = programReady, nil
	if g.process != nil && g.process.host.paused {
		g.process.host.held = append(g.process.host.held, g)
		return
	}
	g.world.runnable = append(g.world.runnable, g)
}

// timeIsUp is the end of its sleep.
func (g *program) timeIsUp() {
	if g.state == programSleeping {
		g.ready()
	}
}

// sleep gives the baton away, up to a moment or to an event of the OS. A moment
// that has come is a program that has work, and lets others go first.
func (g *program) sleep(o *system, until time.Duration) error {
	w := g.world
	g.since = w.now
	if until <= w.now {
		g.ready()
	} else {
		g.state, g.on = programSleeping, o
		if until != never {
			w.agenda.set(&g.appointment, until)
		}
	}
	if g == w.root {
		return w.driveRoot()
	}
	// Whoever waits chooses the next: where that is itself, no switch is needed.
	if next := w.choose(); next != g {
		w.chosen = next
		g.yield(struct{}{})
	}
	g.state = programRunning
	w.running = g
	return nil
}

// resume runs the program up to its next Wait that has nothing to do.
func (w *World) resume(g *program) {
	g.state = programRunning
	w.running = g
	// A Goexit in the program, as of t.FailNow, goes on from here: it ends the
	// test.
	returned := false
	g.started = true
	defer func() {
		if !returned {
			g.state = programEnded
		}
		w.running = w.root
		if g.state == programEnded {
			if !g.process.dead {
				g.boot.end(w)
			}
			w.note(g.process.host, actEnd, noFD, 0, g.err)
		}
	}()
	g.next()
	returned = true
}

// doom makes the program unwind as soon as it runs again: the Wait it is in
// fails, and every later one.
func (g *program) doom() {
	switch {
	case g.state == programEnded:
	case !g.started:
		g.stop()
		g.state = programEnded
		g.leave()
	case g.state == programSleeping:
		g.ready()
	}
}

// finishOff resumes a doomed program until it has ended.
func (g *program) finishOff() {
	g.doom()
	g.leave()
	for g.state != programEnded {
		g.world.resume(g)
	}
}

// leave takes the program out of the lists of those that can run.
func (g *program) leave() {
	is := func(other *program) bool { return other == g }
	w, h := g.world, g.process.host
	w.agenda.cancel(&g.appointment)
	w.runnable = slices.DeleteFunc(w.runnable, is)
	h.held = slices.DeleteFunc(h.held, is)
	if w.chosen == g {
		w.chosen = nil
	}
}

// mostDyingWaits bounds the Waits of a program that was told to end.
//
// Bound: a loop that cancels its tasks needs a few turns for each level of their
// scopes. One that goes on for ever would hang the test, so it is broken off.
const mostDyingWaits = 100_000

// unwind is Wait in a program that is to end: it fails at once. The time is
// taken for over, so that what insists on a time-out gets it.
func (g *program) unwind(timeout time.Duration) error {
	if g.dying++; g.dying > mostDyingWaits {
		panic(fmt.Sprintf("sim: %s goes on waiting after Wait has failed %d times with %q", g.label(), mostDyingWaits, ErrEnded))
	}
	g.process.runJobsOfTheDead()
	if timeout > 0 && timeout < g.world.config.Limit {
		g.process.ghost += timeout
	}
	return ErrEnded
}
