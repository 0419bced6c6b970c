package poller

import "golang.org/x/sys/unix"

// pollReadHangUp: poll(2) tells of a peer that has finished sending.
const pollReadHangUp = unix.POLLRDHUP
