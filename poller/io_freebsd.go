package poller

import "golang.org/x/sys/unix"

const (
	// reusePort: plain SO_REUSEPORT does not spread on FreeBSD, this does
	// (setsockopt(2), since 12.0).
	reusePort       = unix.SO_REUSEPORT_LB
	tcpKeepIdle     = unix.TCP_KEEPIDLE
	tcpKeepInterval = unix.TCP_KEEPINTVL
	tcpKeepCount    = unix.TCP_KEEPCNT
	// dualStack: an IPv6 listener can take IPv4 too.
	dualStack = true
)

func noSigpipe(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NOSIGPIPE, 1)
}
