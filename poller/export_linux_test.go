package poller

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// WithoutPwait2 makes an epoll backend believe that its kernel is of before
// epoll_pwait2.
func WithoutPwait2(os OS) OS {
	os.(*epoll).noPwait2 = true
	return os
}

// WakeFD is the descriptor that Wake writes to.
func WakeFD(os OS) int { return wakeupOf(os).fd }

// WakeWrites is how many writes the wake-up descriptor holds. An eventfd, which
// is never read, holds all that were ever made.
func WakeWrites(os OS) (int, error) {
	w := wakeupOf(os)
	if w.drain >= 0 {
		bytes, err := unix.IoctlGetInt(w.drain, unix.TIOCINQ)
		return bytes / 8, err
	}
	return eventfdCount(w.fd)
}

func eventfdCount(fd int) (int, error) {
	info, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	if err != nil {
		return 0, err
	}
	var pos, flags, mount, inode, count int
	_, err = fmt.Sscanf(string(info), "pos: %d\nflags: %o\nmnt_id: %d\nino: %d\neventfd-count: %x", &pos, &flags, &mount, &inode, &count)
	return count, err
}

// Train is how many of the first datagrams make a train.
var Train = train

// HasDatagramArguments reports whether the loop has memory for datagrams.
func HasDatagramArguments(os OS) bool {
	switch os := os.(type) {
	case *epoll:
		return os.packets != nil
	case *pollOS:
		return os.packets != nil
	}
	panic(fmt.Sprintf("no sockets in %T", os))
}

func wakeupOf(os OS) *wakeup {
	switch os := os.(type) {
	case *epoll:
		return &os.wakeup
	case *pollOS:
		return &os.wakeup
	}
	panic(fmt.Sprintf("no wake-up in %T", os))
}
