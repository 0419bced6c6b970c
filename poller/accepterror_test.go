//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Most of these errors cannot be provoked from user space.
func TestAcceptErrorTellsThreeKindsApart(t *testing.T) {
	for _, errno := range []unix.Errno{unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.EPERM, unix.ENETDOWN, unix.EHOSTUNREACH} {
		tryNext, err := acceptError(errno)
		require.NoError(t, err, "accept met %v", errno)
		require.True(t, tryNext, "accept met %v: try the next connection", errno)
	}
	for errno, want := range map[unix.Errno]error{
		unix.EAGAIN: ErrWouldBlock, unix.EMFILE: ErrTooManyFiles, unix.ENFILE: ErrTooManyFiles,
		unix.ENOBUFS: ErrTooManyFiles, unix.ENOMEM: ErrTooManyFiles, unix.EBADF: unix.EBADF, unix.EINVAL: unix.EINVAL,
	} {
		tryNext, err := acceptError(errno)
		require.False(t, tryNext, "accept met %v: try the next connection", errno)
		require.ErrorIs(t, err, want, "accept met %v", errno)
		if errno != unix.EAGAIN {
			require.ErrorIs(t, err, errno, "accept met %v", errno)
		}
	}
}
