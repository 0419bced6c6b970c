//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

func listenUnix(at Addr, o ListenOptions) (FD, error) {
	if o.ReusePort {
		return NoFD, fmt.Errorf("spreading over listeners of one path: %w", errors.ErrUnsupported)
	}
	sa, family, err := at.sockaddr()
	if err != nil {
		return NoFD, err
	}
	return takePath(at, unix.SOCK_STREAM, func() (FD, error) {
		fd, err := newSocket(family, unix.SOCK_STREAM)
		if err != nil {
			return NoFD, err
		}
		return bindAndListen(fd, sa, o.Backlog, o.SocketOptions.apply(fd, at))
	})
}

// takePath takes over the path of a socket that nobody is bound to any more,
// and never deletes anything else: a directory, a file and a socket that answers
// are all ErrPathInUse. Two processes that replace the same dead socket in the
// same instant can both succeed; the later one has the path. Bind opens a socket
// and binds it to the path.
func takePath(at Addr, socketType int, bind func() (FD, error)) (FD, error) {
	if len(at.Path) > maxUnixPath {
		return NoFD, &net.AddrError{Err: fmt.Sprintf("path is over %d bytes", maxUnixPath), Addr: at.Path}
	}
	fd, err := bind()
	if !errors.Is(err, unix.EADDRINUSE) || at.Path[0] == '@' {
		return fd, err
	}
	info, statErr := os.Lstat(at.Path)
	switch {
	case statErr != nil:
		return NoFD, err
	case info.Mode()&os.ModeSocket == 0:
		return NoFD, fmt.Errorf("%w: %s is not a socket: %w", ErrPathInUse, at.Path, err)
	case pathAnswers(at.Path, socketType):
		return NoFD, fmt.Errorf("%w: a server listens at %s: %w", ErrPathInUse, at.Path, err)
	}
	// unlink, and not os.Remove, which would take an empty directory too.
	if err := unix.Unlink(at.Path); err != nil {
		return NoFD, os.NewSyscallError("unlink", err)
	}
	return bind()
}

// pathAnswers reports whether anybody is bound to path, in doubt yes. A socket
// of the other type answers EPROTOTYPE, and a dead one of either ECONNREFUSED.
func pathAnswers(path string, socketType int) bool {
	fd, err := newSocket(unix.AF_UNIX, socketType)
	if err != nil {
		return true
	}
	defer unix.Close(fd)
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) != unix.ECONNREFUSED
}
