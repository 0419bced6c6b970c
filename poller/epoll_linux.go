package poller

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll is the Linux backend: epoll(7), edge-triggered. The token travels in
// the kernel's event, so there is no table from descriptor to token.
type epoll struct {
	sockets
	monotonic
	wakeup

	fd       int
	raw      []unix.EpollEvent
	noPwait2 bool // the kernel, or its sandbox, lacks epoll_pwait2
}

// interest is what every descriptor is registered for, once.
//
// EPOLLRDHUP and EPOLLPRI are here for the hints HangUp and Urgent, without
// which a short read could not be trusted. EPOLLHUP and EPOLLERR come unasked.
const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | edgeTriggered

// edgeTriggered is EPOLLET, which x/sys types as a negative int on some
// architectures.
const edgeTriggered = 1 << 31

func newNative(c Config) (OS, error) {
	p := &epoll{monotonic: newMonotonic(), raw: make([]unix.EpollEvent, c.EventsPerWait)}
	var err error
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// The eventfd is registered edge-triggered and never read: every write is
	// an edge, and its counter would take centuries to fill by ones. It is
	// registered for reading only: being writable would be its first event, a
	// wake-up that nobody called.
	p.wakeup.drain = -1
	if p.wakeup.fd, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		unix.Close(p.fd)
		return nil, os.NewSyscallError("eventfd", err)
	}
	if err := p.add(FD(p.wakeup.fd), wakeToken, unix.EPOLLIN|edgeTriggered); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

func (p *epoll) Add(fd FD, t Token) error { return p.add(fd, t, interest) }

func (p *epoll) add(fd FD, t Token, events uint32) error {
	e := unix.EpollEvent{Events: events, Fd: int32(t.Slot()), Pad: int32(t.Generation())}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, int(fd), &e))
}

func (p *epoll) Remove(fd FD) error {
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, int(fd), nil))
}

// Rearm has nothing to do: the kernel raises an edge by itself.
func (p *epoll) Rearm(FD, Readiness) {}

func (p *epoll) Wait(events []Event, timeout time.Duration) (int, error) {
	n, errno := p.wait(p.raw[:min(len(p.raw), len(events))], timeout)
	switch errno {
	case 0:
	case unix.EINTR:
		return 0, nil
	default:
		return 0, os.NewSyscallError("epoll_wait", errno)
	}
	filled := 0
	for i := range p.raw[:n] {
		e := &p.raw[i]
		t := NewToken(uint32(e.Fd), uint32(e.Pad))
		if t == wakeToken {
			p.consume()
			continue
		}
		events[filled] = Event{t, readiness(e.Events)}
		filled++
	}
	return filled, nil
}

// readiness translates the kernel's flags. An error or a hang-up makes both
// directions worth trying: the call will return the reason.
func readiness(flags uint32) Readiness {
	var r Readiness
	if flags&unix.EPOLLIN != 0 {
		r |= Readable
	}
	if flags&unix.EPOLLOUT != 0 {
		r |= Writable
	}
	if flags&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		r |= Readable | Writable | HangUp
	}
	if flags&unix.EPOLLRDHUP != 0 {
		r |= Readable | HangUp
	}
	if flags&unix.EPOLLPRI != 0 {
		r |= Readable | Urgent
	}
	return r
}

// wait is the system call. Only the wait that may block tells Go's scheduler,
// so that other goroutines get the processor; a look (timeout 0) does not.
func (p *epoll) wait(raw []unix.EpollEvent, timeout time.Duration) (int, unix.Errno) {
	if timeout == 0 {
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(raw))), uintptr(len(raw)), 0, 0, 0)
		return int(n), errno
	}
	if timeout > 0 && !p.noPwait2 {
		// struct __kernel_timespec: 64 bits each, on 32-bit systems too.
		ts := [2]int64{int64(timeout / time.Second), int64(timeout % time.Second)}
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(raw))), uintptr(len(raw)), uintptr(unsafe.Pointer(&ts)), 0, 0)
		// Quirk(linux): epoll_pwait2 is of 5.11, and sandboxes answer EPERM
		// for calls they do not know.
		if errno != unix.ENOSYS && errno != unix.EPERM {
			return int(n), errno
		}
		p.noPwait2 = true
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(raw))), uintptr(len(raw)), uintptr(ceilMillis(timeout)), 0, 0)
	return int(n), errno
}

func (p *epoll) Close() error {
	if !p.wakeup.close() {
		return nil
	}
	return os.NewSyscallError("close", unix.Close(p.fd))
}
