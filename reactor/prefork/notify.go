package prefork

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// notifier tells systemd how the service is: see sd_notify(3). Without a
// NOTIFY_SOCKET it does nothing.
//
//	READY=1                      all workers serve; or a reload has ended
//	RELOADING=1, MONOTONIC_USEC  a reload has begun (Type=notify-reload)
//	MAINPID                      an upgrade: another process is the service
//	STOPPING=1                   the end has begun
//	WATCHDOG=1                   the master's own loop turns, every WATCHDOG_USEC/2
type notifier struct {
	conn     net.Conn
	watchdog time.Duration // 0 for none
}

func newNotifier() *notifier {
	n := &notifier{}
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return n
	}
	var err error
	if n.conn, err = net.Dial("unixgram", path); err != nil {
		n.conn = nil // nobody listens: there is nobody to tell that either
		return n
	}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(usec) * time.Microsecond
	}
	return n
}

// send tells what the lines say, in one datagram.
func (n *notifier) send(lines ...string) {
	if n.conn != nil {
		_, _ = n.conn.Write([]byte(strings.Join(lines, "\n")))
	}
}

// reloading tells that a reload has begun. Without the time systemd would take the
// READY=1 of the start for its end.
func (n *notifier) reloading() {
	n.send("RELOADING=1", fmt.Sprintf("MONOTONIC_USEC=%d", monotonicMicros()))
}

func (n *notifier) close() {
	if n.conn != nil {
		_ = n.conn.Close()
	}
}
