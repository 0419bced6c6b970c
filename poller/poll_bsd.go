//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

// pollReadHangUp: there is no POLLRDHUP, so the hint does not come. POLLIN
// does, and a Read finds io.EOF.
const pollReadHangUp = 0
