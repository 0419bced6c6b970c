package reactor

import (
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListenerSurvivesARealLimitOfDescriptors(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		s := e.serve(ListenOptions{}, always(echoing{}))
		old := e.dial(s.listener)
		pingPong(t, old, "before")

		var limit syscall.Rlimit
		require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
		raw, err := syscall.Socket(family(e.network), syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer syscall.Close(raw)
		low := limit
		low.Cur = uint64(raw) + 1 // the highest number in use, or near it
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low))
		restore := sync.OnceFunc(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit) })
		defer restore()
		var filler []int
		for {
			fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
			if err != nil {
				break
			}
			filler = append(filler, fd)
		}
		connect(t, raw, s.listener.Addr())
		s.until("an accept without a descriptor", func() bool { return s.Stats().OverLimit > 0 })
		pingPong(t, old, "meanwhile")
		for _, fd := range filler {
			syscall.Close(fd)
		}
		restore()
		s.until("the connection that waited", func() bool { return s.Stats().Accepted == 2 })
		pingPong(t, old, "after")
		require.Less(t, s.os.accepts.Load(), int64(100), "accept calls")
	})
}

func family(network string) int {
	if network == "unix" {
		return syscall.AF_UNIX
	}
	return syscall.AF_INET
}

func connect(t *testing.T, fd int, to net.Addr) {
	t.Helper()
	var sa syscall.Sockaddr
	switch a := to.(type) {
	case *net.TCPAddr:
		sa = &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	case *net.UnixAddr:
		sa = &syscall.SockaddrUnix{Name: a.Name}
	}
	require.NoError(t, syscall.Connect(fd, sa))
}
