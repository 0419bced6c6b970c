//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// pollOS is the poll(2) backend. poll(2) is level-triggered: it would report a
// connection with unread bytes at every call. To keep the contract, a direction
// is armed (asked for) only from the moment a call found it not ready up to the
// event that says it is:
//
//	armed --event--> disarmed --would-block, short read, Rearm--> armed
//
// The calls go through this type, so it sees every would-block by itself.
type pollOS struct {
	sockets
	monotonic
	wakeup

	// fds is the kernel's view, entries ours, by the same index. Index 0 is
	// the wake-up pipe.
	fds     []unix.PollFd
	entries []pollEntry
	index   map[FD]int
	perWait int
	from    int // where the next scan begins: behind the last event, so that none starves
}

type pollEntry struct {
	token  Token
	armed  Readiness // Readable and Writable: asked for
	urgent bool      // the hint was given; asking again would never end
}

func newPoll(c Config) (OS, error) {
	p := &pollOS{monotonic: newMonotonic(), index: make(map[FD]int), perWait: c.EventsPerWait}
	if err := p.wakeup.newPipe(); err != nil {
		return nil, err
	}
	p.insert(FD(p.wakeup.drain), wakeToken)
	return p, nil
}

func (p *pollOS) Add(fd FD, t Token) error {
	if _, ok := p.index[fd]; ok {
		return os.NewSyscallError("poll: add", unix.EEXIST)
	}
	if err := pollable(fd); err != nil {
		return err
	}
	p.insert(fd, t)
	return nil
}

// pollable gives the errors of epoll_ctl where the system has none: poll and
// kqueue take files, and call them always ready.
func pollable(fd FD) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(fd), &st); err != nil {
		return os.NewSyscallError("fstat", err)
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		return os.NewSyscallError("poll: add", unix.EPERM)
	}
	return nil
}

func (p *pollOS) insert(fd FD, t Token) {
	p.index[fd] = len(p.fds)
	p.fds = append(p.fds, unix.PollFd{Fd: int32(fd)})
	p.entries = append(p.entries, pollEntry{token: t, armed: Readable | Writable})
	if t == wakeToken {
		p.entries[0].armed = Readable
	}
	p.ask(len(p.fds) - 1)
}

func (p *pollOS) Remove(fd FD) error {
	if !p.forget(fd) {
		return os.NewSyscallError("poll: remove", unix.ENOENT)
	}
	return nil
}

func (p *pollOS) forget(fd FD) bool {
	i, ok := p.index[fd]
	if !ok {
		return false
	}
	delete(p.index, fd)
	last := len(p.fds) - 1
	if i != last {
		p.fds[i], p.entries[i] = p.fds[last], p.entries[last]
		p.index[p.descriptor(i)] = i
	}
	p.fds, p.entries = p.fds[:last], p.entries[:last]
	return true
}

// descriptor is the one at index i; a disarmed entry holds its complement.
func (p *pollOS) descriptor(i int) FD {
	if fd := p.fds[i].Fd; fd < 0 {
		return FD(^fd)
	}
	return FD(p.fds[i].Fd)
}

// ask sets what the kernel is asked about entry i. poll ignores a negative
// descriptor altogether; with a positive one and no events it would still
// report a hang-up, at every call.
func (p *pollOS) ask(i int) {
	fd := int32(p.descriptor(i))
	e := &p.entries[i]
	var events int16
	if e.armed&Readable != 0 {
		events |= unix.POLLIN | pollReadHangUp
		if !e.urgent {
			events |= unix.POLLPRI
		}
	}
	if e.armed&Writable != 0 {
		events |= unix.POLLOUT
	}
	if events == 0 {
		fd = ^fd
	}
	p.fds[i].Fd, p.fds[i].Events = fd, events
}

func (p *pollOS) Rearm(fd FD, r Readiness) {
	i, ok := p.index[fd]
	if !ok {
		return
	}
	if e := &p.entries[i]; e.armed&r != r {
		e.armed |= r & (Readable | Writable)
		p.ask(i)
	}
}

func (p *pollOS) Wait(events []Event, timeout time.Duration) (int, error) {
	n, err := unix.Poll(p.fds, ceilMillis(timeout))
	if err == unix.EINTR {
		return 0, nil
	}
	if err != nil {
		return 0, os.NewSyscallError("poll", err)
	}
	limit := min(len(events), p.perWait)
	filled, next := 0, p.from
	for k := 0; k < len(p.fds) && n > 0 && filled < limit; k++ {
		i := (p.from + k) % len(p.fds)
		flags := p.fds[i].Revents
		if flags == 0 || p.fds[i].Fd < 0 {
			continue
		}
		n--
		p.fds[i].Revents = 0
		if i == 0 {
			p.consume()
			continue
		}
		events[filled] = p.report(i, flags)
		filled++
		next = i + 1
	}
	p.from = next
	return filled, nil
}

// report turns the flags of entry i into an event, and disarms what it says.
func (p *pollOS) report(i int, flags int16) Event {
	e := &p.entries[i]
	var r Readiness
	if flags&unix.POLLIN != 0 {
		r |= Readable
	}
	if flags&unix.POLLOUT != 0 {
		r |= Writable
	}
	if flags&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0 {
		r |= Readable | Writable | HangUp
	}
	if flags&pollReadHangUp != 0 {
		r |= Readable | HangUp
	}
	if flags&unix.POLLPRI != 0 {
		r |= Readable | Urgent
		e.urgent = true
	}
	e.armed &^= r
	p.ask(i)
	return Event{e.token, r}
}

func (p *pollOS) Accept(listener FD) (FD, Addr, error) {
	fd, peer, err := p.sockets.Accept(listener)
	if err == ErrWouldBlock {
		p.Rearm(listener, Readable)
	}
	return fd, peer, err
}

func (p *pollOS) ConnectResult(fd FD) error {
	err := p.sockets.ConnectResult(fd)
	if err == ErrWouldBlock {
		p.Rearm(fd, Writable)
	}
	return err
}

func (p *pollOS) Read(fd FD, b []byte) (int, error) {
	n, err := p.sockets.Read(fd, b)
	if err == ErrWouldBlock || err == nil && n < len(b) {
		p.Rearm(fd, Readable)
	}
	return n, err
}

// Peek arms only where there is nothing: what a short one leaves would be
// reported at every Wait.
func (p *pollOS) Peek(fd FD, b []byte) (int, error) {
	n, err := p.sockets.Peek(fd, b)
	if err == ErrWouldBlock {
		p.Rearm(fd, Readable)
	}
	return n, err
}

func (p *pollOS) Write(fd FD, b []byte) (int, error) {
	n, err := p.sockets.Write(fd, b)
	if err == ErrWouldBlock {
		p.Rearm(fd, Writable)
	}
	return n, err
}

func (p *pollOS) Writev(fd FD, bufs [][]byte) (int, error) {
	n, err := p.sockets.Writev(fd, bufs)
	if err == ErrWouldBlock {
		p.Rearm(fd, Writable)
	}
	return n, err
}

func (p *pollOS) CloseFD(fd FD) error {
	p.forget(fd)
	return p.sockets.CloseFD(fd)
}

func (p *pollOS) Abort(fd FD) error {
	p.forget(fd)
	return p.sockets.Abort(fd)
}

// Close closes the pipe.
func (p *pollOS) Close() error {
	p.wakeup.close()
	return nil
}
