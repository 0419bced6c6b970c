package prefork

import (
	"os"

	"golang.org/x/sys/unix"
)

// dup is a descriptor of f's open file that no os.File closes.
func dup(f *os.File) (int, error) { return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0) }
