//go:build unix

package backend

import "golang.org/x/sys/unix"

// descriptorLimit is how many descriptors a process may have.
func descriptorLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what every system has
	}
	return uint64(limit.Max)
}
