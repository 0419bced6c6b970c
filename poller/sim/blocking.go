package sim

import (
	"slices"
	"time"
)

// job is a function of a program's that may block: a file, a name. Its end is
// an appointment, at a moment of the seed's.
type job struct {
	appointment
	os *system // which waits for it when it closes
	fn func()
}

// Go runs fn as a goroutine beside the loop would run it, at one moment of the
// virtual time, up to Dials.SlowDisk from now. The world waits for it, so fn
// must not wait for anything simulated.
func (o *system) Go(fn func()) { o.start(fn, 0) }

// start is Go for a function that takes longer, by delay.
func (o *system) start(fn func(), delay time.Duration) {
	p, w := o.process, o.world
	j := &job{os: o, fn: fn}
	o.jobs++
	j.do = func() {
		p.jobs = slices.DeleteFunc(p.jobs, func(other *job) bool { return other == j })
		w.note(p.host, actBlocking, noFD, 0, nil)
		j.run()
	}
	if p.dead {
		j.run()
		return
	}
	p.jobs = append(p.jobs, j)
	w.agenda.set(&j.appointment, w.now+delay+w.upTo(p.host.knobs().SlowDisk))
}

// run is a goroutine of its own: who asks by its identity where it is called
// from, as package coro does, must not take it for a loop.
func (j *job) run() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.fn()
	}()
	<-done
	j.os.world.keepUp()
	j.os.jobs--
	j.os.rouse()
}

// finishJobs waits for the system's functions, as the end of a loop does. The
// world has to go on meanwhile: their ends are appointments.
func (o *system) finishJobs() error {
	g := o.world.running
	for o.jobs > 0 && !o.process.dead {
		o.sleeper = g
		err := g.sleep(o, never)
		o.sleeper = nil
		if err != nil {
			return err
		}
	}
	o.process.runJobsOfTheDead()
	return nil
}

// runJobsOfTheDead ends the jobs of a process that is dead: its programs wait for
// them.
func (p *process) runJobsOfTheDead() {
	for p.dead && len(p.jobs) > 0 {
		j := p.jobs[0]
		p.jobs = p.jobs[1:]
		p.host.world.agenda.cancel(&j.appointment)
		j.run()
	}
}

// Unlink removes the path of a Unix socket.
func (o *system) Unlink(path string) error {
	delete(o.process.paths, path)
	delete(o.process.packets.paths, path)
	return nil
}
