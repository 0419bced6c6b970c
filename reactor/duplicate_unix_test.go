//go:build unix

package reactor

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
)

// duplicate is a second descriptor of the same open file.
func duplicate(t *testing.T, fd poller.FD) poller.FD {
	t.Helper()
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	require.NoError(t, err)
	return poller.FD(n)
}
