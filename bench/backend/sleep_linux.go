package backend

import (
	"time"

	"golang.org/x/sys/unix"
)

// sleepInKernel waits as a read of a slow disk does: in a system call that keeps
// its thread.
func sleepInKernel(d time.Duration) {
	left := unix.NsecToTimespec(int64(d))
	for unix.Nanosleep(&left, &left) == unix.EINTR {
	}
}
