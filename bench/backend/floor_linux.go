package backend

import (
	"bytes"
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// floorEvents bounds one epoll_wait.
//
// Bound: enough that the wait costs little next to the 2 x 256 calls it leads
// to; more would only lengthen the time until new connections are accepted.
const floorEvents = 256

// serveFloor is the limit: level-triggered epoll, one read and one write per
// message, no callbacks, no connection objects. Calls that cannot block go to
// the kernel by RawSyscall, without telling Go's scheduler.
//
// With several loops the first accepts, and hands the connections round by
// registering them with the next loop's epoll.
func serveFloor(ctx context.Context, c Config) error {
	if c.Workload == Room {
		c.Loops = 1
	}
	ln, addr, err := listen(c.Addr)
	if err != nil {
		return err
	}
	defer unix.Close(ln)
	if err := unix.SetNonblock(ln, true); err != nil {
		return os.NewSyscallError("fcntl", err)
	}
	stop, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	defer unix.Close(stop)

	loops := make([]*floorLoop, c.Loops)
	for i := range loops {
		epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return os.NewSyscallError("epoll_create1", err)
		}
		defer unix.Close(epoll)
		loops[i] = &floorLoop{epoll: epoll, listener: -1, stop: stop, loops: loops, rest: map[int][]byte{}, kept: map[int][]byte{}, workload: c.Workload}
		if err := watch(epoll, stop); err != nil {
			return err
		}
	}
	loops[0].listener = ln
	if err := watch(loops[0].epoll, ln); err != nil {
		return err
	}

	end := func() { _, _ = unix.Write(stop, []byte{1, 0, 0, 0, 0, 0, 0, 0}) }
	defer context.AfterFunc(ctx, end)()
	failures := make([]error, len(loops))
	var running sync.WaitGroup
	for i, l := range loops {
		running.Go(func() {
			defer end() // one loop's failure ends all
			failures[i] = l.run()
		})
	}
	c.Ready(addr)
	running.Wait()
	return errors.Join(failures...)
}

// floorLoop is one thread's epoll and the buffer all its connections share.
type floorLoop struct {
	epoll    int
	listener int // -1 for all loops but the first
	stop     int // readable when the server is to end; never read, so for all loops
	loops    []*floorLoop
	next     int // the loop that gets the next connection

	buf    [loopBuffer]byte
	events [floorEvents]unix.EpollEvent
	// rest is what the kernel did not take of an answer. While a connection
	// is in here it is watched for room to write, and not read.
	rest map[int][]byte

	workload Workload
	room     members[int]
	kept     map[int][]byte // what is not a whole request yet, of Slow and HTTP
}

func (l *floorLoop) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(l.epoll),
			uintptr(unsafe.Pointer(&l.events[0])), floorEvents, ^uintptr(0), 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return os.NewSyscallError("epoll_pwait", errno)
		}
		for _, e := range l.events[:n] {
			fd := int(e.Fd)
			switch {
			case fd == l.stop:
				return nil
			case fd == l.listener:
				if err := l.accept(); err != nil {
					return err
				}
			case e.Events&unix.EPOLLOUT != 0:
				l.flush(fd)
			case l.workload != Echo && l.workload != "":
				l.answer(fd)
			default:
				l.echo(fd)
			}
		}
	}
}

func (l *floorLoop) accept() error {
	for {
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(l.listener), 0, 0,
			unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
		case unix.EAGAIN:
			return nil
		case unix.EINTR, unix.ECONNABORTED:
			continue
		default:
			return os.NewSyscallError("accept4", errno)
		}
		if err := watch(l.loops[l.next].epoll, int(fd)); err != nil {
			return err
		}
		l.next = (l.next + 1) % len(l.loops)
		if l.workload == Room {
			l.room.join(int(fd))
		}
	}
}

// echo is the path of every message.
func (l *floorLoop) echo(fd int) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&l.buf[0])), loopBuffer)
	if errno == unix.EAGAIN || errno == unix.EINTR {
		return
	}
	if errno != 0 || n == 0 {
		l.close(fd)
		return
	}
	l.send(fd, l.buf[:n])
}

// send keeps what the kernel does not take, and reports whether the connection is
// alive.
func (l *floorLoop) send(fd int, p []byte) bool {
	written, ok := l.write(fd, p)
	if !ok {
		l.close(fd)
	} else if written < len(p) {
		l.rest[fd] = bytes.Clone(p[written:])
		l.interest(fd, unix.EPOLLOUT)
	}
	return ok
}

// flush sends more of what the kernel did not take, and goes back to reading
// when that is done.
func (l *floorLoop) flush(fd int) {
	written, ok := l.write(fd, l.rest[fd])
	switch {
	case !ok:
		l.close(fd)
	case written < len(l.rest[fd]):
		l.rest[fd] = l.rest[fd][written:]
	default:
		delete(l.rest, fd)
		l.interest(fd, unix.EPOLLIN)
	}
}

// write returns how many bytes the kernel took, and reports whether the
// connection is alive.
func (l *floorLoop) write(fd int, p []byte) (int, bool) {
	n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	switch errno {
	case 0:
		return int(n), true
	case unix.EAGAIN, unix.EINTR:
		return 0, true
	}
	return 0, false
}

func (l *floorLoop) close(fd int) {
	delete(l.rest, fd)
	delete(l.kept, fd)
	if l.workload == Room {
		l.room.leave(fd)
	}
	unix.Close(fd)
}

// interest changes what fd is watched for. It cannot fail for a descriptor
// that is registered.
func (l *floorLoop) interest(fd int, events uint32) {
	_ = unix.EpollCtl(l.epoll, unix.EPOLL_CTL_MOD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func watch(epoll, fd int) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &e))
}
