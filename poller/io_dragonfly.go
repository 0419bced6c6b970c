package poller

import "golang.org/x/sys/unix"

const (
	// reusePort: DragonFly spreads over SO_REUSEPORT listeners since 3.6.
	reusePort = unix.SO_REUSEPORT
	// tcpKeepIdle counts in milliseconds here and in seconds everywhere else,
	// so the system's default idle time is left alone.
	tcpKeepIdle     = 0
	tcpKeepInterval = 0 // milliseconds too
	tcpKeepCount    = unix.TCP_KEEPCNT
	// dualStack: IPV6_V6ONLY cannot be switched off here.
	dualStack = false
)

func noSigpipe(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
}
