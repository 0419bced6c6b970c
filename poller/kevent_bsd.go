//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is all that kqueue_bsd.go knows of the kernel's kqueue: another
// implementation of these names can drive it on another system.

type keventT = unix.Kevent_t

const (
	evAdd    = unix.EV_ADD
	evDelete = unix.EV_DELETE
	evClear  = unix.EV_CLEAR
	evEOF    = unix.EV_EOF
)

// The filters, as the numbers keventT.Filter holds: negative on most systems,
// small and unsigned on NetBSD.
const (
	evfiltRead  = unix.EVFILT_READ
	evfiltWrite = unix.EVFILT_WRITE
)

func openKqueue() (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Kqueue()
	if err != nil {
		return -1, os.NewSyscallError("kqueue", err)
	}
	unix.CloseOnExec(fd)
	return fd, nil
}

func setKevent(e *keventT, fd, filter, flags int) { unix.SetKevent(e, fd, filter, flags) }

func kevent(kq int, changes, events []keventT, timeout *unix.Timespec) (int, error) {
	return unix.Kevent(kq, changes, events, timeout)
}
