//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// kqueue is the backend of the BSDs and darwin: kqueue(2), one knote for each
// direction, edge-triggered by EV_CLEAR. Everything it needs of the kernel is
// in kevent_bsd.go.
type kqueue struct {
	sockets
	monotonic
	wakeup

	fd  int
	raw []keventT
	// tokens is the table from descriptor to token. The kernel would carry a
	// token in Udata, but x/sys types that as a pointer on most systems, and
	// a number stored in a pointer is what Go's collector must not see.
	tokens map[FD]Token
}

func newNative(c Config) (OS, error) {
	p := &kqueue{monotonic: newMonotonic(), raw: make([]keventT, c.EventsPerWait), tokens: make(map[FD]Token)}
	var err error
	if p.fd, err = openKqueue(); err != nil {
		return nil, err
	}
	if err := p.wakeup.newPipe(); err != nil {
		unix.Close(p.fd)
		return nil, err
	}
	wake := FD(p.wakeup.drain)
	p.tokens[wake] = wakeToken
	if err := p.change(wake, evAdd|evClear, evfiltRead); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *kqueue) Add(fd FD, t Token) error {
	if _, ok := p.tokens[fd]; ok {
		return os.NewSyscallError("kevent", unix.EEXIST)
	}
	if err := pollable(fd); err != nil {
		return err
	}
	if err := p.change(fd, evAdd|evClear, evfiltRead, evfiltWrite); err != nil {
		return err
	}
	p.tokens[fd] = t
	return nil
}

func (p *kqueue) Remove(fd FD) error {
	if _, ok := p.tokens[fd]; !ok {
		return os.NewSyscallError("kevent", unix.ENOENT)
	}
	delete(p.tokens, fd)
	return p.change(fd, evDelete, evfiltRead, evfiltWrite)
}

// change applies one change to fd for each filter. A filter that the
// descriptor does not have, as the reading end of a pipe has none for writing,
// is passed over as long as another one was taken.
func (p *kqueue) change(fd FD, flags int, filters ...int) error {
	var first error
	taken := 0
	for _, filter := range filters {
		var change [1]keventT
		setKevent(&change[0], int(fd), filter, flags)
		if _, err := kevent(p.fd, change[:], nil, nil); err == nil {
			taken++
		} else if first == nil {
			first = os.NewSyscallError("kevent", err)
		}
	}
	if taken > 0 {
		return nil
	}
	return first
}

// Rearm has nothing to do: EV_CLEAR raises an edge by itself.
func (p *kqueue) Rearm(FD, Readiness) {}

// longestKevent bounds one wait.
//
// Quirk(darwin): kevent returns EINVAL for a timeout that is "too long"; Go's
// runtime takes the same million seconds, 11 days. Where time_t has 32 bits, it
// would overflow at 68 years.
const longestKevent = 1_000_000 * time.Second

func (p *kqueue) Wait(events []Event, timeout time.Duration) (int, error) {
	var ts *unix.Timespec
	if timeout >= 0 {
		t := unix.NsecToTimespec(int64(min(timeout, longestKevent)))
		ts = &t
	}
	n, err := kevent(p.fd, nil, p.raw[:min(len(p.raw), len(events))], ts)
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, os.NewSyscallError("kevent", err)
	}
	filled := 0
	for i := range p.raw[:n] {
		e := &p.raw[i]
		t, ok := p.tokens[FD(e.Ident)]
		if !ok {
			continue // closed since
		}
		if t == wakeToken {
			p.consume()
			continue
		}
		events[filled] = Event{t, kqueueReadiness(e)}
		filled++
	}
	return filled, nil
}

// kqueueReadiness translates one knote. A knote is about one direction.
//
// Quirk(bsd): nothing in a knote tells that the stream holds out-of-band data,
// at whose mark a read stops short, so every event carries Urgent: readers do
// not trust short reads here and pay one more read per event.
func kqueueReadiness(e *keventT) Readiness {
	r := Readable | Urgent
	if int(e.Filter) == evfiltWrite {
		r = Writable
	}
	if int(e.Flags)&evEOF != 0 {
		r |= Readable | HangUp
		if e.Fflags != 0 { // the error that ended the connection
			r |= Writable
		}
	}
	return r
}

func (p *kqueue) CloseFD(fd FD) error {
	delete(p.tokens, fd)
	return p.sockets.CloseFD(fd)
}

func (p *kqueue) Abort(fd FD) error {
	delete(p.tokens, fd)
	return p.sockets.Abort(fd)
}

func (p *kqueue) Close() error {
	if !p.wakeup.close() {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(p.fd))
}
