package pollertest

import (
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// Patience bounds every wait for something that must come, on the clock of the
// OS under test. It is no measure of speed: only a failing test sees its end.
const Patience = 20 * time.Second

// Loop is the smallest user of an OS: it remembers what events said, so that a
// test can wait for the one it needs. It belongs to the test's goroutine.
type Loop struct {
	poller.OS
	// Returns counts how often Wait came back.
	Returns int

	t      *testing.T
	events []poller.Event
	next   uint32
	open   map[poller.FD]bool
	tokens map[poller.FD]poller.Token
	seen   map[poller.Token]poller.Readiness // said and not yet taken by Await
	hints  map[poller.Token]poller.Readiness // HangUp and Urgent, which stay
}

// NewLoop wraps os, and closes it and what is still open when the test ends.
func NewLoop(t *testing.T, os poller.OS) *Loop {
	l := &Loop{
		OS: os, t: t, events: make([]poller.Event, 64),
		open: map[poller.FD]bool{}, tokens: map[poller.FD]poller.Token{},
		seen: map[poller.Token]poller.Readiness{}, hints: map[poller.Token]poller.Readiness{},
	}
	t.Cleanup(func() {
		for fd := range l.open {
			_ = l.OS.CloseFD(fd)
		}
		_ = l.OS.Close()
	})
	return l
}

// Register adds fd under a token of its own.
func (l *Loop) Register(fd poller.FD) poller.Token {
	l.t.Helper()
	l.next++
	token := poller.NewToken(l.next, ^l.next) // both halves must travel
	require.NoError(l.t, l.Add(fd, token), "Add")
	l.tokens[fd] = token
	return token
}

// Own makes the end of the test close fd.
func (l *Loop) Own(fd poller.FD) poller.FD {
	l.open[fd] = true
	return fd
}

// CloseFD closes fd and forgets it.
func (l *Loop) CloseFD(fd poller.FD) error {
	l.forget(fd)
	return l.OS.CloseFD(fd)
}

// Abort aborts fd and forgets it.
func (l *Loop) Abort(fd poller.FD) error {
	l.forget(fd)
	return l.OS.Abort(fd)
}

func (l *Loop) forget(fd poller.FD) {
	delete(l.open, fd)
	delete(l.tokens, fd)
}

// Turn is one Wait. The events are valid until the next one.
func (l *Loop) Turn(timeout time.Duration) []poller.Event {
	l.t.Helper()
	n, err := l.Wait(l.events, timeout)
	require.NoError(l.t, err, "Wait(%v)", timeout)
	l.Returns++
	for _, e := range l.events[:n] {
		l.seen[e.Token] |= e.Ready
		l.hints[e.Token] |= e.Ready & (poller.HangUp | poller.Urgent)
	}
	return l.events[:n]
}

// Events is a Wait that returned with events: one may return without, as for a
// signal.
func (l *Loop) Events() []poller.Event {
	l.t.Helper()
	for end := l.Now() + Patience; l.Now() < end; {
		if events := l.Turn(end - l.Now()); len(events) > 0 {
			return events
		}
	}
	l.t.Fatal("wait for events: none came")
	return nil
}

// Await waits until events have said r of fd, and takes it.
func (l *Loop) Await(fd poller.FD, r poller.Readiness) {
	l.t.Helper()
	token, ok := l.tokens[fd]
	require.True(l.t, ok, "await %v: descriptor %d is not registered", r, fd)
	for end := l.Now() + Patience; l.seen[token]&r != r; {
		require.Less(l.t, l.Now(), end, "await %v of descriptor %d: got %v", r, fd, l.seen[token])
		l.Turn(end - l.Now())
	}
	l.seen[token] &^= r
}

// Forget drops what events have said of fd so far.
func (l *Loop) Forget(fd poller.FD) { delete(l.seen, l.tokens[fd]) }

// Hints are the hints that events gave of fd, since ever.
func (l *Loop) Hints(fd poller.FD) poller.Readiness { return l.hints[l.tokens[fd]] }

// Settle takes the events that are there already.
func (l *Loop) Settle() {
	l.t.Helper()
	for range 100 {
		if len(l.Turn(time.Millisecond)) == 0 {
			return
		}
	}
	l.t.Fatal("settle: 100 Waits, got events from each, want none in the end")
}

// Sleeps demands that nothing makes Wait return: it counts the returns within
// a stretch of time, of which a loop that spins makes tens of thousands.
func (l *Loop) Sleeps() {
	l.t.Helper()
	const stretch, most = 30 * time.Millisecond, 10
	before, said := l.Returns, 0
	for end := l.Now() + stretch; l.Now() < end; {
		said += len(l.Turn(end - l.Now()))
	}
	require.LessOrEqual(l.t, l.Returns-before, most, "waiting for %v with nothing new: returns of Wait, with %d events", stretch, said)
}

// Loopback is 127.0.0.1 at a port that the system chooses.
var Loopback = poller.Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 0)}

// UnixPath is a path for a Unix socket: short, as sockaddr_un wants it, which
// the test's own directory with its name in it is not.
func UnixPath(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "weft")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// Server listens at an address, and registers the listener.
func (l *Loop) Server(at poller.Addr, o poller.ListenOptions) (poller.FD, poller.Addr) {
	l.t.Helper()
	fd, err := l.Listen(at, o)
	require.NoError(l.t, err, "Listen at %v", at)
	l.Own(fd)
	l.Register(fd)
	local, err := l.LocalAddr(fd)
	require.NoError(l.t, err, "LocalAddr of a listener")
	return fd, local
}

// Dial connects, and registers the descriptor.
func (l *Loop) Dial(to poller.Addr, o poller.SocketOptions) (poller.FD, error) {
	l.t.Helper()
	fd, err := l.Connect(to, o)
	if err != nil {
		return fd, err
	}
	l.Own(fd)
	l.Register(fd)
	for {
		if err = l.ConnectResult(fd); err != poller.ErrWouldBlock {
			return fd, err
		}
		l.Await(fd, poller.Writable)
	}
}

// AcceptOne waits for a connection and registers it.
func (l *Loop) AcceptOne(listener poller.FD) (poller.FD, poller.Addr) {
	l.t.Helper()
	for {
		fd, peer, err := l.Accept(listener)
		if err == poller.ErrWouldBlock {
			l.Await(listener, poller.Readable)
			continue
		}
		require.NoError(l.t, err, "Accept")
		l.Own(fd)
		l.Register(fd)
		return fd, peer
	}
}

// Pair is a TCP connection, both ends registered.
func (l *Loop) Pair() (client, server poller.FD) {
	l.t.Helper()
	return l.PairAt(Loopback, poller.ListenOptions{})
}

// PairAt is a connection over a listener at an address.
func (l *Loop) PairAt(at poller.Addr, o poller.ListenOptions) (client, server poller.FD) {
	l.t.Helper()
	listener, local := l.Server(at, o)
	client, err := l.Dial(local, o.SocketOptions)
	require.NoError(l.t, err, "connect to %v", local)
	server, _ = l.AcceptOne(listener)
	require.NoError(l.t, l.CloseFD(listener), "CloseFD of a listener")
	return client, server
}

// Send writes all of p, waiting for room.
func (l *Loop) Send(fd poller.FD, p []byte) {
	l.t.Helper()
	for len(p) > 0 {
		n, err := l.Write(fd, p)
		p = p[n:]
		if err == poller.ErrWouldBlock {
			l.Await(fd, poller.Writable)
			continue
		}
		require.NoError(l.t, err, "Write with %d bytes left", len(p))
	}
}

// Fill writes until ErrWouldBlock, and returns how many bytes went.
func (l *Loop) Fill(fd poller.FD) int {
	l.t.Helper()
	chunk := make([]byte, 64<<10)
	for total := 0; ; {
		n, err := l.Write(fd, chunk)
		total += n
		if err == poller.ErrWouldBlock {
			l.Forget(fd)
			return total
		}
		require.NoError(l.t, err, "Write after %d bytes", total)
		require.Less(l.t, total, 1<<30, "writing to a peer that does not read")
	}
}

// MakeRoom reads at one end until events say that the other is writable.
func (l *Loop) MakeRoom(writer, reader poller.FD) {
	l.t.Helper()
	token := l.tokens[writer]
	for end := l.Now() + Patience; l.seen[token]&poller.Writable == 0; {
		_, err := l.Drain(reader, make([]byte, 64<<10))
		require.NoError(l.t, err, "reading to make room")
		require.Less(l.t, l.Now(), end, "all was read: no event says that the writer has room")
		l.Turn(end - l.Now())
	}
	l.seen[token] &^= poller.Writable
}

// Drain reads as the contract lets a reader do it: up to a short read, or,
// after a hint, up to ErrWouldBlock. The error is nil when more may come.
func (l *Loop) Drain(fd poller.FD, buf []byte) ([]byte, error) {
	var got []byte
	for {
		n, err := l.Read(fd, buf)
		got = append(got, buf[:n]...)
		switch {
		case err == poller.ErrWouldBlock:
			return got, nil
		case err != nil:
			return got, err
		case n < len(buf) && l.Hints(fd) == 0:
			return got, nil
		}
	}
}

// Receive waits for n bytes, reading as the contract lets a reader do it.
func (l *Loop) Receive(fd poller.FD, n int) []byte {
	l.t.Helper()
	var got []byte
	for {
		more, err := l.Drain(fd, make([]byte, 4096))
		got = append(got, more...)
		if len(got) >= n {
			require.Len(l.t, got, n, "read")
			return got
		}
		require.NoError(l.t, err, "reading %d bytes, after %d", n, len(got))
		l.Await(fd, poller.Readable)
	}
}

// ReceiveAll waits for the end of the stream: what came, and how it ended, nil
// for io.EOF.
func (l *Loop) ReceiveAll(fd poller.FD) ([]byte, error) {
	l.t.Helper()
	var got []byte
	for {
		more, err := l.Drain(fd, make([]byte, 4096))
		got = append(got, more...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		l.Await(fd, poller.Readable)
	}
}
