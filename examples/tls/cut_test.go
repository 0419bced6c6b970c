package main

import (
	"crypto/tls"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/inprocess"
)

// What clients leave behind that cut their connections in the middle of the
// handshake, after any byte that they send.
func TestTLSCutHandshakesLeaveNothingBehind(t *testing.T) {
	cuts := 10_000
	if child.Race {
		cuts = 400
	}
	s := serving(t)
	before := s.cutAndLook(500) // what pools and coroutines keep, they have by now
	after := s.cutAndLook(cuts)
	t.Logf("%d cut handshakes: before %+v, after %+v", cuts, before, after)
	require.Equal(t, before.tasks, after.tasks, "tasks")
	require.Equal(t, before.descriptors, after.descriptors, "descriptors")
	if !child.Race {
		// Bound: half of a coro.Conn, the smallest thing that each had. More coroutines
		// are kept for new tasks if more were under way at a time: each has some 500
		// bytes and a stack, which collections have made as small as 8 KiB by then.
		stacks := max(after.idle-before.idle, 0) * 12 << 10
		require.Less(t, after.bytes-before.bytes-stacks, 64*cuts, "bytes of heap and stacks")
	}
	echoes(t, s.secure(s.client(tls.VersionTLS13)), "alive")
}

// leftovers are what could be left behind; idle coroutines are kept on purpose.
type leftovers struct{ tasks, idle, descriptors, bytes int }

// cutAndLook makes n connections that are cut, and looks when all have ended.
func (s *served) cutAndLook(n int) (l leftovers) {
	s.t.Helper()
	const atATime = 50
	var all sync.WaitGroup
	for range atATime {
		all.Go(func() {
			for range n / atATime {
				if err := s.cut(); err != nil {
					s.t.Error(err)
				}
			}
		})
	}
	all.Wait()
	s.serves() // who came before this one has been accepted, too
	inprocess.Until(s.t, "the end of all connections' tasks", func() bool { return waiting("read") == 0 && len(coro.Tasks()) == 1 })
	for range 3 { // a pool lets go of what was not used between two collections
		runtime.GC()
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	l = leftovers{tasks: len(coro.Tasks()), idle: coro.Loops()[0].Idle, bytes: int(memory.HeapAlloc + memory.StackInuse)}
	entries, err := os.ReadDir("/proc/self/fd")
	if !errors.Is(err, os.ErrNotExist) { // systems without it
		require.NoError(s.t, err)
		l.descriptors = len(entries)
	}
	return l
}

// longest is more than what a client sends in a handshake: a ClientHello of some
// 1.5 KB, with keys for two exchanges, and a Finished of 80 bytes.
const longest = 1800

// cut makes one connection and cuts it: half of them with a FIN, half with a reset.
func (s *served) cut() error {
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if rand.IntN(2) == 0 {
		if err := conn.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	version := uint16(tls.VersionTLS12 + rand.IntN(2))
	config := &tls.Config{InsecureSkipVerify: true, MaxVersion: version}
	err = tls.Client(&cutter{conn, rand.IntN(longest)}, config).Handshake()
	if err == nil || errors.Is(err, errCut) {
		return nil // or all of it has passed
	}
	return err
}

var errCut = errors.New("cut")

// cutter is a connection that ends after some bytes were written.
type cutter struct {
	net.Conn
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	n, _ := c.Conn.Write(p[:c.left])
	c.Conn.Close()
	return n, errCut
}
