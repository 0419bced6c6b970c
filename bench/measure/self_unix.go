//go:build unix

package measure

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// OfSelf reads this process's usage, with the threads that have ended.
func OfSelf() (Usage, error) {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return Usage{}, os.NewSyscallError("getrusage", err)
	}
	return Usage{
		CPU:         time.Duration(r.Utime.Nano() + r.Stime.Nano()),
		Voluntary:   uint64(r.Nvcsw),
		Involuntary: uint64(r.Nivcsw),
	}, nil
}
