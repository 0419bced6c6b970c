package poller

const (
	// reusePort: none, since SO_REUSEPORT does not spread stream connections.
	reusePort = 0
	// tcpKeepIdle: the idle time is a system-wide setting (sysctl
	// net.inet.tcp.keepidle), no socket option, and so are the other two.
	tcpKeepIdle     = 0
	tcpKeepInterval = 0
	tcpKeepCount    = 0
	// dualStack: IPV6_V6ONLY cannot be switched off here.
	dualStack = false
)

// noSigpipe: there is no SO_NOSIGPIPE. Go's runtime drops the signal for every
// descriptor but 1 and 2; see the documentation of os/signal.
func noSigpipe(int) error { return nil }
