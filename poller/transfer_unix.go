//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// SendFile is sendfile(2) by way of x/sys, which tells Go's scheduler: it may
// wait for the disk. NetBSD and OpenBSD have no such call, and x/sys answers
// ENOSYS there.
func (s *sockets) SendFile(fd, file FD, offset int64, n int) (int, error) {
	for n > 0 {
		from := offset // which Linux moves on and the others do not
		sent, err := unix.Sendfile(int(fd), int(file), &from, n)
		switch {
		case sent > 0:
			return sent, nil // Quirk(bsd): EAGAIN and EINTR come with a part, too
		case err == nil:
			return 0, io.EOF
		case err == unix.EAGAIN:
			return 0, ErrWouldBlock
		case err != unix.EINTR:
			return 0, transferError("sendfile", err)
		}
	}
	return 0, nil
}

// transferError is that of a call that a kernel may not have, or not for these
// descriptors, or a sandbox not allow.
func transferError(call string, err error) error {
	named := os.NewSyscallError(call, err)
	switch err {
	case unix.EINVAL, unix.EPERM, unix.ENOTSOCK, unix.ESPIPE, unix.EOVERFLOW:
		return errors.Join(errors.ErrUnsupported, named)
	}
	return named // ENOSYS and EOPNOTSUPP are errors.ErrUnsupported by themselves
}

func (s *sockets) Duplicate(fd FD) (*os.File, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(n), "socket"), nil
}

func (p *pollOS) SendFile(fd, file FD, offset int64, n int) (int, error) {
	sent, err := p.sockets.SendFile(fd, file, offset, n)
	if err == ErrWouldBlock {
		p.Rearm(fd, Writable)
	}
	return sent, err
}
