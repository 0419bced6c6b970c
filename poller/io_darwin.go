package poller

import "golang.org/x/sys/unix"

const (
	// reusePort: none, since SO_REUSEPORT does not spread stream connections.
	reusePort       = 0
	tcpKeepIdle     = unix.TCP_KEEPALIVE
	tcpKeepInterval = unix.TCP_KEEPINTVL
	tcpKeepCount    = unix.TCP_KEEPCNT
	// dualStack: an IPv6 listener can take IPv4 too.
	dualStack = true
)

func noSigpipe(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
}
