package sim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Run lets the programs run until all that were started by Go have ended, then
// ends the daemons and the world. It returns the errors of the programs,
// joined, each with its name before it.
//
// Errors besides the programs': ErrHang, with a report of who waits for what.
func (w *World) Run() error {
	if w.ended {
		return errors.New("sim: the world has ended")
	}
	defer w.Close() // a failed test ends the goroutine
	hang := w.drive(w.finished)
	w.Close()
	errs := []error{hang}
	for _, g := range w.programs {
		if g.err != nil && !errors.Is(g.err, ErrEnded) {
			errs = append(errs, fmt.Errorf("%s: %w", g.label(), g.err))
		}
	}
	return errors.Join(errs...)
}

// RunFor lets the programs run for a stretch of virtual time.
func (w *World) RunFor(d time.Duration) error {
	over := false
	w.after(d, func() { over = true })
	return w.drive(func() bool { return over })
}

// Until lets the programs run until the condition holds, which is looked at
// between their steps. Error: ErrHang.
func (w *World) Until(condition func() bool) error {
	w.stepwise = true
	defer func() { w.stepwise = false }()
	return w.drive(condition)
}

// Close ends the world: every program's Wait fails, and it unwinds. A second
// Close does nothing.
func (w *World) Close() {
	if w.ended {
		return
	}
	if w.running != w.root {
		panic("sim: Close inside a program")
	}
	w.ended = true
	for _, h := range w.hosts {
		h.process.dead = true
	}
	for _, g := range w.programs {
		g.finishOff()
	}
	w.agenda, w.runnable, w.chosen = agenda{}, nil, nil
}

// finished reports whether every program but the daemons has ended. Those of a
// host that has crashed have not: they come back with it.
func (w *World) finished() bool { return w.unfinished == 0 }

// drive is the driver: it gives the baton to one program after the other.
func (w *World) drive(done func() bool) error {
	switch {
	case w.running != w.root:
		panic("sim: Run, RunFor or Until inside a program")
	case w.done != nil:
		panic("sim: Run, RunFor or Until inside a script")
	}
	w.done = done
	defer func() { w.done = nil }()
	for {
		g := w.chosen
		w.chosen = nil
		if g == nil {
			if done() {
				return nil
			}
			if g = w.choose(); g == nil {
				if done() {
					return nil
				}
				return w.hang()
			}
		}
		w.resume(g)
	}
}

// driveRoot is drive for a Wait of the test's own: it lets the others run until
// that Wait is over.
func (w *World) driveRoot() error {
	for {
		g := w.chosen
		w.chosen = nil
		if g == nil {
			if g = w.choose(); g == nil {
				w.root.state, w.root.on = programRunning, nil
				w.agenda.cancel(&w.root.appointment)
				w.runnable = slices.DeleteFunc(w.runnable, func(r *program) bool { return r == w.root })
				return w.hang()
			}
		}
		if g == w.root {
			g.state = programRunning
			return nil
		}
		w.resume(g)
	}
}

// choose says who runs next, by seed where there is a choice. If nobody can, it
// lets the clock jump to the next appointment until somebody can. It returns
// nil when the driver is done, when nothing will ever happen, and to a program
// when there is something that the driver has to do.
func (w *World) choose() *program {
	for {
		// Order: what happens may call Wake.
		w.catchUp()
		w.takeWakes()
		if len(w.scripts) > 0 || w.stepwise {
			if w.running != w.root {
				return nil
			}
			w.runScripts()
		}
		if w.done != nil && w.done() {
			return nil
		}
		if w.now > w.config.Limit {
			return nil // also where somebody is always busy
		}
		if n := len(w.runnable); n > 0 {
			i := 0
			if n > 1 {
				i = w.rng.IntN(n)
			}
			g := w.runnable[i]
			w.runnable[i] = w.runnable[n-1]
			w.runnable = w.runnable[:n-1]
			return g
		}
		at := w.agenda.next()
		if w.outside != nil {
			if w.outside.wait(w, min(at, w.config.Limit)) {
				continue
			}
		}
		if at == never || at > w.config.Limit {
			return nil
		}
		w.now = max(w.now, at)
	}
}
