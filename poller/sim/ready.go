package sim

import (
	"syscall"

	"github.com/weft-go/weft/poller"
)

// file is an open descriptor: a listener, one end of a connection or a datagram
// socket, and what its loop is to be told of it.
type file struct {
	process *process
	fd      poller.FD

	os           *system // that it is registered with; nil
	token        poller.Token
	registration uint32 // how many there have been
	place        int    // in os.registered

	// armed: the directions for which an event is owed. A call that would have
	// blocked arms its direction, and so does a short read; an event that comes
	// when the direction is ready pays, a spurious one does not. Events for the
	// others are free: the dial Coalesce leaves them out.
	armed poller.Readiness
	// pending is what the next event will say.
	pending poller.Readiness
	// hung: an event said HangUp, so that a short read promises nothing.
	hung bool

	listener *listener // or
	stream   *stream   // or
	packets  *packetSocket
}

// newFile opens a descriptor. The number that was closed last is the first to be
// used again: the hardest case for events that outlive their descriptor.
func (p *process) newFile() (*file, syscall.Errno) {
	if p.used >= p.host.maxFiles {
		return nil, syscall.EMFILE
	}
	f := &file{process: p}
	if n := len(p.free); n > 0 {
		i := p.free[n-1]
		p.free = p.free[:n-1]
		f.fd = poller.FD(i + firstFD)
		p.files[i] = f
	} else {
		f.fd = poller.FD(len(p.files) + firstFD)
		p.files = append(p.files, f)
	}
	p.used++
	return f, 0
}

// firstFD leaves 0, 1 and 2 to the standard streams.
const firstFD = 3

// file finds an open descriptor. A process that has crashed has none.
func (p *process) file(fd poller.FD) (*file, syscall.Errno) {
	i := fd - firstFD
	if fd < firstFD || i >= poller.FD(len(p.files)) || p.files[i] == nil {
		return nil, syscall.EBADF
	}
	return p.files[i], 0
}

// release ends the registration and frees the number.
func (f *file) release() {
	f.unregister()
	p, i := f.process, int(f.fd-firstFD)
	p.files[i] = nil
	p.free = append(p.free, i)
	p.used--
}

func (f *file) unregister() {
	o := f.os
	if o == nil {
		return
	}
	last := len(o.registered) - 1
	moved := o.registered[last]
	o.registered[f.place], moved.place = moved, f.place
	o.registered[last] = nil
	o.registered = o.registered[:last]
	f.os, f.pending, f.armed = nil, 0, 0
	f.registration++
}

// is is how things are: what a level-triggered kernel would report.
func (f *file) is() poller.Readiness {
	switch {
	case f.packets != nil:
		return f.packets.is()
	case f.stream != nil:
		return f.stream.is()
	case len(f.listener.queue) > 0:
		return poller.Readable
	}
	return 0
}

// recheck reports what is true already.
func (f *file) recheck(r poller.Readiness) {
	if now := f.is() & r; now != 0 {
		f.notify(now)
	}
}

// notify is the news that something changed. It becomes an event at once, or,
// by the dials, later, or, where none is owed, not at all.
func (f *file) notify(r poller.Readiness) {
	o := f.os
	if o == nil {
		return
	}
	d := f.process.host.knobs()
	if f.armed&r == 0 && o.world.chance(d.Coalesce) {
		return
	}
	if o.world.chance(d.LateEvent) {
		under := f.registration
		o.world.after(o.world.upTo(d.mostLate()), func() {
			if f.os == o && f.registration == under {
				f.raise(r)
			}
		})
		return
	}
	f.raise(r)
}

// raise makes the next Wait report r.
func (f *file) raise(r poller.Readiness) {
	queued := f.pending != 0
	f.pending |= r
	if !queued {
		f.os.ready = append(f.os.ready, report{f, f.registration})
		f.os.rouse()
	}
}

// handOut makes the event. By choice of the seed it says only what changed, or
// how things are altogether, as epoll does; and the hint, which no one may
// rely on, comes or not.
func (f *file) handOut() poller.Event {
	w := f.os.world
	r := f.pending &^ poller.HangUp
	f.pending = 0
	now := f.is()
	if w.rng.Uint32()&1 == 0 {
		r |= now & (poller.Readable | poller.Writable)
	}
	if now&poller.HangUp != 0 && r&poller.Readable != 0 && !w.chance(f.process.host.knobs().NoHint) {
		r |= poller.HangUp
		f.hung = true
	}
	f.armed &^= r & now
	w.note(f.process.host, actEvent, f.fd, int(r), nil)
	return poller.Event{Token: f.token, Ready: r}
}
