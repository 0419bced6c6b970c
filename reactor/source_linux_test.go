package reactor

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestSourceRegistrationErrorsAreNamed(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, p := e.loop(Options{})
		file, err := os.Create(t.TempDir() + "/f")
		require.NoError(t, err)
		defer file.Close()
		var s Source
		require.ErrorIs(t, l.Register(&s, poller.FD(file.Fd())), syscall.EPERM, "Register of a regular file")
		require.ErrorIs(t, l.Register(&s, 1<<20), syscall.EBADF, "Register of a descriptor that is not open")
		require.Zero(t, l.Stats().Sources, "sources after failed registrations")
		require.False(t, s.registered)

		var fds [2]int
		require.NoError(t, syscall.Pipe2(fds[:], syscall.O_NONBLOCK|syscall.O_CLOEXEC))
		defer syscall.Close(fds[1])
		require.NoError(t, l.Register(&s, poller.FD(fds[0])))
		var second Source
		require.ErrorIs(t, l.Register(&second, poller.FD(fds[0])), syscall.EEXIST, "second Register of a descriptor")

		// A pipe works like a socket.
		var w told
		require.NoError(t, s.Await(In, &w))
		_, err = syscall.Write(fds[1], []byte("x"))
		require.NoError(t, err)
		for len(w) == 0 {
			require.NoError(t, l.Turn(-1))
		}
		buf := make([]byte, 10)
		n, err := s.Read(buf)
		require.NoError(t, err)
		require.Equal(t, 1, n)
		_, err = s.Read(buf)
		require.Equal(t, poller.ErrWouldBlock, err, "Read after a short read")
		require.EqualValues(t, 1, p.reads.Load(), "read calls: a short read is not followed by another")
		require.NoError(t, s.Close())
	})
}
