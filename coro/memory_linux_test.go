package coro

import (
	"context"
	"fmt"
	"runtime"
	"runtime/metrics"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What one more parked task with its connection may cost: its coroutine's stack,
// which must not have grown, and in objects 650 bytes of package iter's and our own.
const (
	maxParkedBytes = 3 << 10
	ungrownStack   = 2 << 10
)

// stackGrain is by how much the memory of all stacks moves by itself. It is counted
// in spans of 32 KiB, of which each of four sizes of stacks has one that is begun;
// and goroutines of the runtime and of package testing grow theirs. It is less than
// a kilobyte for each of the connections that are measured, so one goroutine more
// for each, or a stack that has doubled, is found.
const stackGrain = 8 * 32 << 10

// maxIdleBytes is what one more idle connection of ServeReadable may cost: 208
// bytes, and its place in the loop's tables.
const maxIdleBytes = 256

func TestParkedTaskWithItsConnFitsInThreeKilobytes(t *testing.T) {
	costs(t, "parked echo task with its Conn", maxParkedBytes, ungrownStack, func(ctx context.Context, ln *Listener) error {
		return Serve(ctx, ln, echo)
	})
}

// With all limits, which cost it nothing.
func TestIdleReadableConnectionFitsInAQuarterOfAKilobyte(t *testing.T) {
	config := ServeConfig{IdleTimeout: long, RequestTimeout: long, DrainTimeout: long, MaxConns: 1 << 20}
	costs(t, "idle connection of ServeReadable", maxIdleBytes, 0, func(ctx context.Context, ln *Listener) error {
		return config.ServeReadable(ctx, ln, answerOne)
	})
}

// costs measures what one more connection costs a server. The peers are bare
// descriptors, which cost no memory of this process, and each has had one echo,
// so that nothing is left to be allocated on first use.
func costs(t *testing.T, one string, maxBytes, stackBytes int, serve func(ctx context.Context, ln *Listener) error) {
	t.Helper()
	if raceEnabled || unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the race detector has its own memory, and the figures are those of 64 bits")
	}
	counts := [...]int{1000, 2000, 4000}
	var objects, stacks [len(counts)]float64
	limit := float64(maxBytes - stackBytes)
	err := Run(t.Context(), func(ctx context.Context) error {
		ln, err := Listen(ctx, "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		if fmt.Sprintf("%T", ln.loop.reactor.OS()) != "*poller.epoll" {
			limit += 64 // poll(2)'s table of descriptors, which is not the server's
		}
		return WithScope(ctx, func(s *Scope) error {
			require.NoError(t, s.Go(func(ctx context.Context) error { return serve(ctx, ln) }))
			peers := peers{t: t, to: ln.addr.Port(), fds: make([]int, 0, counts[len(counts)-1])}
			defer peers.close()
			for i, n := range counts {
				peers.grow(ctx, n)
				objects[i], stacks[i] = liveBytes()
			}
			return ln.Close()
		})
	})
	require.NoError(t, err)
	for i := 1; i < len(counts); i++ {
		more := float64(counts[i] - counts[i-1])
		object, stack := (objects[i]-objects[i-1])/more, (stacks[i]-stacks[i-1])/more
		what := fmt.Sprintf("one more %s, from %d to %d", one, counts[i-1], counts[i])
		t.Logf("%s: %.0f bytes, %.0f of them stack", what, object+stack, stack)
		require.LessOrEqual(t, stack, float64(stackBytes)+stackGrain/more, "bytes of stack of %s: want stacks that have not grown", what)
		require.LessOrEqual(t, object, limit, "live bytes of objects of %s", what)
	}
}

func TestParkedTaskStaysInItsSizeClasses(t *testing.T) {
	if unsafe.Sizeof(uintptr(0)) != 8 {
		t.Skip("the figures are those of 64 bits")
	}
	require.LessOrEqual(t, unsafe.Sizeof(task{}), uintptr(160), "bytes of a task")
	require.LessOrEqual(t, unsafe.Sizeof(Conn{}), uintptr(128), "bytes of a Conn")
	require.LessOrEqual(t, unsafe.Sizeof(connExtra{})+unsafe.Sizeof(session{}), uintptr(64+256), "bytes of what limits of Serve cost a connection, beside a timer's 24")
	require.LessOrEqual(t, unsafe.Sizeof(readable{}), uintptr(208), "bytes of a connection of ServeReadable")
}

// peers are connected sockets of this process.
type peers struct {
	t   *testing.T
	to  uint16
	fds []int
}

// grow connects up to n peers, each of which gets one echo.
func (p *peers) grow(ctx context.Context, n int) {
	for len(p.fds) < n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		require.NoError(p.t, err)
		p.fds = append(p.fds, fd)
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(p.to), Addr: [4]byte{127, 0, 0, 1}}); err != unix.EINPROGRESS {
			require.NoError(p.t, err)
		}
		message := [4]byte{1, 2, 3, 4}
		p.retry(ctx, "write", func() (int, error) { return unix.Write(fd, message[:]) })
		p.retry(ctx, "read", func() (int, error) { return unix.Read(fd, message[:]) })
	}
}

func (p *peers) retry(ctx context.Context, what string, call func() (int, error)) {
	for {
		n, err := call()
		if err == nil {
			require.Equal(p.t, 4, n, what)
			return
		}
		require.Equal(p.t, unix.EAGAIN, err, what)
		require.NoError(p.t, Yield(ctx))
	}
}

func (p *peers) close() {
	for _, fd := range p.fds {
		_ = unix.Close(fd)
	}
}

// liveBytes is the memory of reachable objects, and of goroutine stacks.
func liveBytes() (objects, stacks float64) {
	runtime.GC()
	runtime.GC()
	s := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(s)
	return float64(s[0].Value.Uint64()), float64(s[1].Value.Uint64())
}
