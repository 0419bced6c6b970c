package models

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawByte reads or writes one byte, and waits in the kernel if it has to; see
// words.pass for why. It reports whether it did.
//
// The pointer is valid: it is converted in the call itself, and p stays where it is
// until the call has returned, because Go's stacks move only between calls.
func rawByte(trap uintptr, fd int, p *[1]byte) bool {
	for {
		n, _, errno := unix.RawSyscall(trap, uintptr(fd), uintptr(unsafe.Pointer(p)), 1)
		if errno != unix.EINTR {
			return errno == 0 && n == 1
		}
	}
}
