package prefork

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes let the kernel kill a worker when its master is gone, also when that
// was killed itself.
//
// Quirk(linux): the signal comes when the *thread* that started the worker ends;
// see spawner. That the master died before this was set, Go checks in the child.
func attributes(dieWithParent bool) *syscall.SysProcAttr {
	if !dieWithParent {
		return nil
	}
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// samePath is the program that this process runs, whatever has become of the file
// since: workers of one master are always the same program. It works because the
// link is followed by the child, between fork and exec, when it still is a copy of
// this process.
func samePath() string { return "/proc/self/exe" }

// openDescriptors counts this process's descriptors.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries) - 1 // the directory's own
}

// monotonicMicros is CLOCK_MONOTONIC, as systemd wants it.
func monotonicMicros() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return t.Nano() / 1000
}
