package reactor

import (
	"fmt"
	"net"
	"runtime"
	"runtime/metrics"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// rawPeers connects n sockets, which cost the Go heap nothing.
func rawPeers(t testing.TB, to net.Addr, n int) []int {
	t.Helper()
	fds := make([]int, 0, n)
	t.Cleanup(func() {
		for _, fd := range fds {
			syscall.Close(fd)
		}
	})
	sa := &syscall.SockaddrInet4{Port: to.(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	for range n {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		fds = append(fds, fd)
		require.NoError(t, syscall.Connect(fd, sa))
	}
	return fds
}

// usedOnce opens n connections to an echo server, and uses each of them once.
func usedOnce(t testing.TB, l *Loop, ln *Listener, n int) []int {
	t.Helper()
	fds := rawPeers(t, ln.Addr(), n)
	request := make([]byte, 64)
	for _, fd := range fds {
		_, err := syscall.Write(fd, request)
		require.NoError(t, err)
	}
	want := l.Stats().BytesWritten + uint64(n*len(request))
	for l.Stats().BytesWritten < want {
		require.NoError(t, l.Turn(stuck))
	}
	for _, fd := range fds {
		got, err := syscall.Read(fd, request)
		require.NoError(t, err)
		require.Equal(t, len(request), got)
	}
	return fds
}

func TestRequestAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	onTCP(t, func(t *testing.T, e *env) {
		l, _ := e.loop(Options{})
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(echoing{}))
		require.NoError(t, err)
		fd := usedOnce(t, l, ln, 1)[0]
		message := make([]byte, 64)
		got := testing.AllocsPerRun(500, func() {
			_, _ = syscall.Write(fd, message)
			if err := l.Turn(-1); err != nil {
				panic(err)
			}
			_, _ = syscall.Read(fd, message)
		})
		require.Zero(t, got, "allocations per request")
	})
}

func TestIdleConnectionHoldsFewBytes(t *testing.T) {
	const most = 256 // bytes per connection, DESIGN.md
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	system, err := poller.Open(poller.Config{})
	require.NoError(t, err)
	if fmt.Sprintf("%T", system) != "*poller.epoll" {
		system.Close()
		t.Skip("other backends keep a table of their own")
	}
	l, err := NewLoop(Options{OS: system})
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	ln, err := l.Listen("tcp", "127.0.0.1:0", ListenOptions{}, always(echoing{}))
	require.NoError(t, err)

	// Stacks, which come in spans of 32 KiB, are not looked at: here is one goroutine.
	live := func() float64 {
		runtime.GC()
		runtime.GC()
		samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(samples)
		return float64(samples[0].Value.Uint64())
	}
	const step = 1000
	goroutines := runtime.NumGoroutine()
	usedOnce(t, l, ln, step) // arrays that are there once
	at1000 := live()
	usedOnce(t, l, ln, step)
	at2000 := live()
	usedOnce(t, l, ln, 2*step)
	at4000 := live()
	t.Logf("live bytes per connection: %.0f from 1000 to 2000, %.0f from 2000 to 4000", (at2000-at1000)/step, (at4000-at2000)/(2*step))
	peers := 8.0 // the peer's descriptor in a slice of this test
	require.LessOrEqual(t, (at4000-at1000)/(3*step)-peers, float64(most), "live bytes per idle connection")
	require.Equal(t, 4*step, l.Stats().Conns)
	require.Less(t, runtime.NumGoroutine()-goroutines, step, "goroutines")
}
