package coro

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the CPU time of the calling thread, and of the process.
func cpuTime() (thread, process time.Duration) {
	return used(unix.RUSAGE_THREAD), used(unix.RUSAGE_SELF)
}

func used(who int) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(who, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
