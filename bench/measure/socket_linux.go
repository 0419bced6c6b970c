package measure

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ErrNoSocket: the process has no connection of TCP.
var ErrNoSocket = errors.New("no connection")

// SocketOptions reads the options of a connection that a process, or a child of
// it, has open: from the socket itself, of which the kernel gives us a second
// descriptor. So they are what the server set, and not what it says. Errors:
// ErrNoSocket, and errors.ErrUnsupported where that is not allowed.
func SocketOptions(pid int) (map[string]string, error) {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", os.NewSyscallError("pidfd_open", err), errors.ErrUnsupported)
	}
	defer unix.Close(process)
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || !strings.HasPrefix(to, "socket:") {
			continue
		}
		number, err := strconv.Atoi(filepath.Base(link))
		if err != nil {
			continue
		}
		fd, err := unix.PidfdGetfd(process, number, 0)
		if errors.Is(err, unix.EBADF) {
			continue // it was closed after it was listed
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", os.NewSyscallError("pidfd_getfd", err), errors.ErrUnsupported)
		}
		options, connected := optionsOf(fd)
		unix.Close(fd)
		if connected {
			return options, nil
		}
	}
	for _, child := range children(pid) {
		if options, err := SocketOptions(child); err == nil {
			return options, nil
		}
	}
	return nil, ErrNoSocket
}

// optionsOf reads what shapes the figures, and reports whether fd is a connection:
// of TCP, since processes of a server talk through other sockets.
func optionsOf(fd int) (map[string]string, bool) {
	if _, err := unix.Getpeername(fd); err != nil {
		return nil, false
	}
	if domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err != nil || domain == unix.AF_UNIX {
		return nil, false
	}
	options := map[string]string{}
	for _, o := range []struct {
		name          string
		level, option int
	}{
		{"SO_PROTOCOL", unix.SOL_SOCKET, unix.SO_PROTOCOL},
		{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE},
		{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF},
		{"SO_SNDBUF", unix.SOL_SOCKET, unix.SO_SNDBUF},
		{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY},
	} {
		if value, err := unix.GetsockoptInt(fd, o.level, o.option); err == nil {
			options[o.name] = strconv.Itoa(value)
		}
	}
	if name, err := unix.GetsockoptString(fd, unix.IPPROTO_TCP, unix.TCP_CONGESTION); err == nil {
		options["TCP_CONGESTION"] = name
	}
	return options, true
}
