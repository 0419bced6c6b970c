package coro

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// streamConn is what all stream connections have here.
type streamConn interface {
	net.Conn
	CloseWrite() error
}

// onPlainGoroutines runs test on a plain goroutine with a connection of a loop's,
// whose other end is the loop's too, another loop's, or package net's.
func onPlainGoroutines(t *testing.T, networks []string, test func(t *testing.T, c, peer streamConn)) {
	t.Helper()
	for name, ends := range map[string]func(t *testing.T, e *env, l *idleLoop) (c, peer net.Conn){
		"one loop":    func(t *testing.T, e *env, l *idleLoop) (c, peer net.Conn) { return l.pair(t, e, l) },
		"two loops":   func(t *testing.T, e *env, l *idleLoop) (c, peer net.Conn) { return l.pair(t, e, newIdleLoop(t, e)) },
		"package net": func(t *testing.T, e *env, l *idleLoop) (c, peer net.Conn) { return l.accepted(t, e) },
	} {
		t.Run(name, func(t *testing.T) {
			onNetworks(t, networks, func(t *testing.T, e *env) {
				c, peer := ends(t, e, newIdleLoop(t, e))
				t.Cleanup(func() { _, _ = c.Close(), peer.Close() })
				test(t, c.(streamConn), peer.(streamConn))
			})
		})
	}
}

var tcpAndUnix = []string{"tcp", "unix"}

func TestConnOfPlainGoroutinesHalfCloses(t *testing.T) {
	onPlainGoroutines(t, tcpAndUnix, func(t *testing.T, c, peer streamConn) {
		var all sync.WaitGroup
		all.Go(func() {
			question, err := io.ReadAll(peer)
			require.NoError(t, err)
			_, err = peer.Write(append([]byte("the answer to "), question...))
			require.NoError(t, err)
			require.NoError(t, peer.Close())
		})
		_, err := c.Write([]byte("a question"))
		require.NoError(t, err)
		require.NoError(t, c.CloseWrite())
		answer, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, "the answer to a question", string(answer))
		all.Wait()
	})
}

func TestConnOfPlainGoroutinesTellsAResetFromTheEnd(t *testing.T) {
	onPlainGoroutines(t, []string{"tcp"}, func(t *testing.T, c, peer streamConn) {
		require.NoError(t, peer.(interface{ SetLinger(int) error }).SetLinger(0))
		require.NoError(t, peer.Close())
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET)
		var failed *net.OpError
		require.ErrorAs(t, err, &failed)
		require.Equal(t, "read", failed.Op)
		require.Equal(t, c.RemoteAddr(), failed.Addr)
	})
}

func TestConnOfPlainGoroutinesReadsNothing(t *testing.T) {
	onPlainGoroutines(t, tcpAndUnix, func(t *testing.T, c, peer streamConn) {
		for range 10 {
			n, err := c.Read(nil)
			require.NoError(t, err)
			require.Zero(t, n)
		}
	})
}

func TestConnOfPlainGoroutinesTellsWhatAWriteWrote(t *testing.T) {
	onPlainGoroutines(t, tcpAndUnix, func(t *testing.T, c, peer streamConn) {
		want := pattern(16 << 20)
		var n int
		failed := make(chan error, 1)
		go func() {
			var err error
			n, err = c.Write(want)
			failed <- err
		}()
		first := make([]byte, 1)
		_, err := io.ReadFull(peer, first) // it has begun
		require.NoError(t, err)
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(-1)))
		require.ErrorIs(t, wait(t, failed, "a Write whose deadline has passed"), os.ErrDeadlineExceeded)
		require.NoError(t, c.Close())
		got, err := io.ReadAll(peer)
		require.NoError(t, err)
		got = append(first, got...)
		require.True(t, bytes.Equal(want[:n], got), "got %d bytes, want the %d that were written, or others", len(got), n)
	})
}

func TestConnOfPlainGoroutinesWritesInOnePiece(t *testing.T) {
	onPlainGoroutines(t, tcpAndUnix, func(t *testing.T, c, peer streamConn) {
		const writers, size = 4, 300_000
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				n, err := c.Write(bytes.Repeat([]byte{byte('a' + i)}, size))
				require.NoError(t, err)
				require.Equal(t, size, n)
			})
		}
		got := make([]byte, writers*size)
		_, err := io.ReadFull(peer, got)
		require.NoError(t, err)
		for piece := range writers {
			part := got[piece*size : (piece+1)*size]
			require.Equal(t, size, bytes.Count(part, part[:1]), "bytes of one writer, in one piece")
		}
		all.Wait()
	})
}

func TestConnOfPlainGoroutinesMovesItsDeadline(t *testing.T) {
	onPlainGoroutines(t, tcpAndUnix, func(t *testing.T, c, peer streamConn) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Hour)))
		failed := make(chan error, 1)
		go func() { _, err := c.Read(make([]byte, 1)); failed <- err }()
		for _, d := range []time.Duration{time.Minute, time.Hour, 0, time.Millisecond} {
			at := time.Time{}
			if d != 0 {
				at = time.Now().Add(d)
			}
			require.NoError(t, c.SetReadDeadline(at))
		}
		require.ErrorIs(t, wait(t, failed, "a Read whose deadline was moved"), os.ErrDeadlineExceeded)
	})
}

// Close does not wait for the loop, which may be waiting for the caller's lock.
func TestConnCloseOfAPlainGoroutineDoesNotWait(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		l := newIdleLoop(t, e)
		c, peer := l.accepted(t, e)
		defer peer.Close()
		ln := l.listen(t, e)
		entered, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(left)
			_ = l.loop().asTask(func(*task) error { close(entered); <-release; return nil }) // stops the loop
		}()
		wait(t, entered, "a task")
		require.NoError(t, c.Close())
		require.ErrorIs(t, c.Close(), net.ErrClosed, "a second Close")
		require.NoError(t, ln.Close())
		require.ErrorIs(t, ln.Close(), net.ErrClosed, "a second Close of a listener")
		close(release)
		wait(t, left, "the task")
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = ln.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		_, err = peer.Read(make([]byte, 1))
		require.Equal(t, io.EOF, err)
	})
}
