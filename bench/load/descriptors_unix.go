//go:build unix

package load

import (
	"os"

	"golang.org/x/sys/unix"
)

// RaiseDescriptors sets the soft limit to the hard one, and returns the limit
// that is then in force.
func RaiseDescriptors() (uint64, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, os.NewSyscallError("getrlimit", err)
	}
	soft := limit.Cur
	limit.Cur = limit.Max
	// Some systems refuse their own hard limit; what we have then stays.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return uint64(soft), nil
	}
	return uint64(limit.Max), nil
}
