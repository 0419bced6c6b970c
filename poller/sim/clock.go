package sim

import "time"

// The clock of a world stands still while programs run, but for the turn that
// each Wait costs, and jumps to the next appointment when none can run.

// never is the moment that does not come.
const never = time.Duration(1<<63 - 1)

// appointment is something that happens at a moment of virtual time. It is part
// of what it concerns (a direction of a connection, a sleeping program), so
// that keeping one costs no memory of its own. Each has one moment at most.
type appointment struct {
	at    time.Duration
	seq   uint64 // in which order it was made: the order among those of one moment
	place int    // in the agenda, counted from 1; 0 when there is none
	do    func()
}

// agenda is the heap of all appointments, the earliest first.
type agenda struct {
	heap []*appointment
	made uint64
}

// set makes the appointment for the moment, whatever it was for before.
func (a *agenda) set(p *appointment, at time.Duration) {
	a.cancel(p)
	a.made++
	p.at, p.seq = at, a.made
	a.heap = append(a.heap, p)
	p.place = len(a.heap)
	a.up(len(a.heap) - 1)
}

// cancel takes the appointment out, if it is there.
func (a *agenda) cancel(p *appointment) {
	if p.place == 0 {
		return
	}
	i, last := p.place-1, len(a.heap)-1
	p.place = 0
	moved := a.heap[last]
	a.heap[last] = nil
	a.heap = a.heap[:last]
	if i == last {
		return
	}
	a.put(i, moved)
	a.down(a.up(i))
}

// next is the moment of the earliest appointment.
func (a *agenda) next() time.Duration {
	if len(a.heap) == 0 {
		return never
	}
	return a.heap[0].at
}

// due takes out the earliest appointment whose moment has come, or nil.
func (a *agenda) due(now time.Duration) *appointment {
	if len(a.heap) == 0 || a.heap[0].at > now {
		return nil
	}
	p := a.heap[0]
	a.cancel(p)
	return p
}

func (a *agenda) put(i int, p *appointment) {
	a.heap[i] = p
	p.place = i + 1
}

func (a *agenda) before(i, j int) bool {
	p, q := a.heap[i], a.heap[j]
	return p.at < q.at || p.at == q.at && p.seq < q.seq
}

func (a *agenda) swap(i, j int) {
	p, q := a.heap[i], a.heap[j]
	a.put(i, q)
	a.put(j, p)
}

func (a *agenda) up(i int) int {
	for i > 0 && a.before(i, (i-1)/2) {
		a.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i
}

func (a *agenda) down(i int) {
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(a.heap); c++ {
			if a.before(c, least) {
				least = c
			}
		}
		if least == i {
			return
		}
		a.swap(i, least)
		i = least
	}
}

// catchUp lets everything happen whose moment has come.
func (w *World) catchUp() {
	for {
		p := w.agenda.due(w.now)
		if p == nil {
			return
		}
		p.do()
	}
}

// after makes fn happen once d has passed.
func (w *World) after(d time.Duration, fn func()) {
	w.agenda.set(&appointment{do: fn}, w.now+max(d, 0))
}

// Now is the world's virtual time, as a time.Time on the clock of its loops:
// deadlines are set relative to it, and not to time.Now, which is another clock
// unless the world was made by Test.
func (w *World) Now() time.Time { return w.epoch.Add(w.now) }

// Elapsed is the virtual time since the world began.
func (w *World) Elapsed() time.Duration { return w.now }

// At makes fn run at a moment of the virtual time, counted from the world's
// beginning: the script of a test. It may change dials and links, pause, crash
// and restart hosts, and look at what has come of it, with require too; it must
// not wait. A moment that has passed is the next one.
func (w *World) At(moment time.Duration, fn func()) {
	w.after(moment-w.now, func() { w.scripts = append(w.scripts, fn) })
}

// runScripts runs what At has for this moment, on the test's own goroutine: a
// require that fails there ends the test, and not a program.
func (w *World) runScripts() {
	for len(w.scripts) > 0 {
		fn := w.scripts[0]
		w.scripts = w.scripts[1:]
		w.note(nil, actScript, noFD, 0, nil)
		fn()
	}
}
