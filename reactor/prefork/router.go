package prefork

import (
	"sync"
	"time"
)

// router chooses who gets a connection that is passed between processes: the
// worker with the fewest. Any goroutine may call it.
type router struct {
	mu      sync.Mutex
	targets []*target
	changed chan struct{} // closed, and replaced, when there may be room again
	closed  chan struct{}
	// passing has a place for each connection that is on its way through this
	// process, and so holds a descriptor of it.
	passing chan struct{}
}

// target is a process that takes connections.
type target struct {
	link *link
	// given is how many connections it was sent, ever; report says how many of
	// them have arrived, and how many it has.
	given  int64
	report report
	room   int
}

// load is how many connections a target has, those on their way to it included.
func (t *target) load() int { return t.report.Conns + int(t.given-t.report.Received) }

const (
	// holdTime is how long a connection waits for a worker that takes it.
	//
	// Bound: as long as a restart with its back-off. Its peer has a connection
	// already, and waits for an answer.
	holdTime = 10 * time.Second
	// busyPause is how long to wait when every worker's link is full, if no
	// report comes first.
	busyPause = 10 * time.Millisecond
)

// newRouter makes a router for so many workers. How many connections may be on
// their way follows from the descriptors this process may have: a link and a
// handle for each worker, and twice that during a reload, are not for them.
func newRouter(workers int) *router {
	places := min(max(descriptorsLeft()-4*workers-spareDescriptors, 2), linkQueue)
	return &router{changed: make(chan struct{}), closed: make(chan struct{}), passing: make(chan struct{}, places)}
}

// enter waits for a place for one more connection on its way, and reports whether
// there is one; a frame's sent has to be leave.
func (r *router) enter(giveUp <-chan struct{}) bool {
	select {
	case r.passing <- struct{}{}:
		return true
	case <-giveUp:
	case <-r.closed:
	}
	return false
}

func (r *router) leave() { <-r.passing }

// add makes t one that gets connections.
func (r *router) add(t *target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, other := range r.targets {
		if other == t {
			return
		}
	}
	r.targets = append(r.targets, t)
	r.signal()
}

// remove makes t get no more.
func (r *router) remove(t *target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.targets {
		if other == t {
			r.targets = append(r.targets[:i:i], r.targets[i+1:]...)
			return
		}
	}
}

// update takes note of what a target reports.
func (r *router) update(t *target, report report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.report = report
	if report.Room > 0 {
		t.room = report.Room
	}
	r.signal()
}

func (r *router) signal() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// close ends all waiting.
func (r *router) close() { close(r.closed) }

// give sends a connection to the target with the fewest, and waits while there is
// none with room, up to holdTime. It reports whether somebody has it; if not, the
// descriptor is still the caller's.
func (r *router) give(f frame, giveUp <-chan struct{}) bool {
	var hold *time.Timer
	for {
		given, busy, changed := r.try(f)
		if given {
			return true
		}
		if hold == nil {
			hold = time.NewTimer(holdTime)
			defer hold.Stop()
		}
		var pause <-chan time.Time
		if busy {
			pause = time.After(busyPause)
		}
		select {
		case <-changed:
		case <-pause:
		case <-hold.C:
			return false
		case <-giveUp:
			return false
		case <-r.closed:
			return false
		}
	}
}

// try sends f to the idlest target that takes it. Busy means that there was one
// with room, whose link was full.
func (r *router) try(f frame) (given, busy bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	tried := make(map[*target]bool)
	for {
		var idlest *target
		for _, t := range r.targets {
			if !tried[t] && t.load() < t.room && (idlest == nil || t.load() < idlest.load()) {
				idlest = t
			}
		}
		if idlest == nil {
			return false, busy, r.changed
		}
		if idlest.link.send(f) == nil {
			idlest.given++
			return true, false, nil
		}
		tried[idlest], busy = true, true
	}
}

// pass hands on a connection that a process has given away. It is called on the
// goroutine of that process's link, which so reads no faster than others take.
func (m *master) pass(f frame) {
	if f.lost {
		m.Logger.Error("prefork: a connection is lost, for want of descriptors in the master")
		return
	}
	if f.fd == noFD {
		return
	}
	if m.router.enter(m.ended) {
		f.sent = m.router.leave
	}
	if f.sent == nil || !m.router.give(f, m.ended) {
		m.Logger.Error("prefork: a connection is lost, since no worker takes it")
		f.drop()
	}
}
