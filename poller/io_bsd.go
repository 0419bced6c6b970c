//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// scratch is what io_linux.go needs and these calls do not.
type scratch struct{}

// newSocket holds the fork lock: without SOCK_CLOEXEC (darwin), a child that
// another goroutine starts between the two calls would inherit the socket.
func newSocket(family, socketType int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, socketType, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	return bornRight(fd)
}

// bornRight makes a new descriptor what every descriptor here is. The caller
// holds the fork lock.
func bornRight(fd int) (int, error) {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	if err := noSigpipe(fd); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

func (s *sockets) Accept(listener FD) (FD, Addr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	for range acceptTries {
		fd, sa, err := unix.Accept(int(listener))
		if err == nil {
			if fd, err = bornRight(fd); err != nil {
				// Quirk(darwin): setsockopt is EINVAL on a connection that
				// was reset in the queue.
				continue
			}
			return FD(fd), addrOf(sa), nil
		}
		errno, _ := err.(unix.Errno)
		if tryNext, err := acceptError(errno); !tryNext {
			return NoFD, Addr{}, err
		}
	}
	return NoFD, Addr{}, ErrWouldBlock
}

func (s *sockets) Read(fd FD, p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == nil:
			if n == 0 && len(p) > 0 {
				return 0, io.EOF
			}
			return n, nil
		case err == unix.EAGAIN:
			return 0, ErrWouldBlock
		case err != unix.EINTR:
			return 0, os.NewSyscallError("read", err)
		}
	}
}

func (s *sockets) Peek(fd FD, p []byte) (int, error) {
	for {
		n, _, err := unix.Recvfrom(int(fd), p, unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case err == nil:
			if n == 0 && len(p) > 0 {
				return 0, io.EOF
			}
			return n, nil
		case err == unix.EAGAIN:
			return 0, ErrWouldBlock
		case err != unix.EINTR:
			return 0, os.NewSyscallError("recvfrom", err)
		}
	}
}

func (s *sockets) Write(fd FD, p []byte) (int, error) {
	for {
		n, err := unix.Write(int(fd), p)
		switch {
		case err == nil:
			return n, nil
		case err == unix.EAGAIN:
			return 0, ErrWouldBlock
		case err != unix.EINTR:
			return 0, os.NewSyscallError("write", err)
		}
	}
}

// Writev writes slice by slice: x/sys has writev(2) for two of these systems
// only.
func (s *sockets) Writev(fd FD, bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs[:min(len(bufs), MaxVectors)] {
		n, err := s.Write(fd, b)
		total += n
		if err != nil {
			if total > 0 {
				err = nil // the next call meets it again
			}
			return total, err
		}
		if n < len(b) {
			break
		}
	}
	return total, nil
}
