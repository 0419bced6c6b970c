package backend

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// answer is what a bare loop does with the workloads that are not Echo. The work of
// a slow message stops the loop: that is what a bare loop does.
func (l *floorLoop) answer(fd int) {
	n, err := unix.Read(fd, l.buf[:])
	switch {
	case err == unix.EAGAIN, err == unix.EINTR:
		return
	case err != nil, n == 0:
		l.close(fd)
		return
	}
	data := l.buf[:n]
	if l.workload == Room {
		for _, member := range l.room.all {
			l.add(member, data)
		}
		return
	}
	if before := l.kept[fd]; before != nil {
		data = append(before, data...)
		delete(l.kept, fd)
	}
	consumed, alive := 0, true
	switch l.workload {
	case Slow:
		for ; len(data)-consumed >= SlowSize; consumed += SlowSize {
			if work := workOf(data[consumed:]); work != nil {
				work()
			}
		}
		alive = l.add(fd, data[:consumed])
	case HTTP:
		var requests int
		requests, consumed = countRequests(data)
		alive = l.add(fd, bytes.Repeat(httpAnswer, requests))
	}
	if rest := data[consumed:]; alive && len(rest) > 0 {
		l.kept[fd] = bytes.Clone(rest)
	}
}

// add sends p behind what is to be sent already, and reports whether the connection
// is alive.
func (l *floorLoop) add(fd int, p []byte) bool {
	if rest, waits := l.rest[fd]; waits {
		l.rest[fd] = append(rest, p...)
		return true
	}
	return len(p) == 0 || l.send(fd, p)
}
