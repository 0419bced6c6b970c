//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// TestPollTableMatchesItsModel runs random calls on the poll(2) backend and on
// the dumbest model of it: a map of what is registered, and what is armed.
func TestPollTableMatchesItsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		os, err := Open(Config{Backend: BackendPoll, EventsPerWait: 3})
		require.NoError(t, err)
		m := &pollModel{t: t, p: os.(*pollOS), registered: map[FD]pollEntry{}, peers: map[FD]FD{}}
		defer m.close()
		t.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"open":   m.open,
			"add":    m.add,
			"remove": m.remove,
			"close":  m.closeOne,
			"rearm":  m.rearm,
			"write":  m.write,
			"read":   m.read,
			"wake":   func(t *rapid.T) { require.NoError(t, m.p.Wake()) },
			"wait":   m.wait,
		})
	})
}

// TestPollRearmsAtConnectResult: after a spurious event the direction is
// disarmed although the connect is still under way.
func TestPollRearmsAtConnectResult(t *testing.T) {
	os, err := Open(Config{Backend: BackendPoll})
	require.NoError(t, err)
	defer os.Close()
	p := os.(*pollOS)
	// A socket that nobody connected yet answers as one under way does.
	raw, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
	require.NoError(t, err)
	fd := FD(raw)
	defer p.CloseFD(fd)
	require.NoError(t, p.Add(fd, NewToken(1, 1)))
	i := p.index[fd]
	p.report(i, unix.POLLOUT)
	require.Zero(t, p.entries[i].armed&Writable, "after the event")
	require.Equal(t, ErrWouldBlock, p.ConnectResult(fd))
	require.NotZero(t, p.entries[i].armed&Writable, "after ErrWouldBlock")
}

type pollModel struct {
	t          *rapid.T
	p          *pollOS
	registered map[FD]pollEntry
	peers      map[FD]FD // every open descriptor, by itself and by its peer
	fds        []FD      // the keys of peers, in order, so that a seed replays
	next       uint32
}

func (m *pollModel) close() {
	for _, fd := range m.fds {
		unix.Close(int(fd))
	}
	_ = m.p.Close()
}

// check holds the invariants of pollOS.
func (m *pollModel) check(t *rapid.T) {
	p := m.p
	require.Len(t, p.entries, len(p.fds), "entries and fds go by the same index")
	require.Len(t, p.index, len(p.fds), "descriptors in the index")
	require.Len(t, p.fds, len(m.registered)+1, "registered descriptors and the wake-up")
	require.Equal(t, wakeToken, p.entries[0].token, "index 0 is the wake-up")
	require.Equal(t, 0, p.index[FD(p.wakeup.drain)], "index 0 is the wake-up")
	require.Equal(t, Readable, p.entries[0].armed, "the wake-up is always armed")
	for fd, want := range m.registered {
		i, ok := p.index[fd]
		require.True(t, ok, "descriptor %d is in the index", fd)
		require.Equal(t, fd, p.descriptor(i), "descriptor at the index of %d", fd)
		require.Equal(t, want, p.entries[i], "entry of %d", fd)
		require.Equal(t, want.armed == 0, p.fds[i].Fd < 0, "descriptor %d is armed for %v; poll ignores it", fd, want.armed)
		require.Equal(t, want.armed&Readable != 0, p.fds[i].Events&unix.POLLIN != 0, "poll is asked for input of %d", fd)
		require.Equal(t, want.armed&Writable != 0, p.fds[i].Events&unix.POLLOUT != 0, "poll is asked for output of %d", fd)
	}
}

func (m *pollModel) any(t *rapid.T) FD {
	if len(m.fds) == 0 {
		t.Skip("no descriptor yet")
	}
	return rapid.SampledFrom(m.fds).Draw(t, "fd")
}

func (m *pollModel) open(t *rapid.T) {
	if len(m.fds) >= 12 {
		t.Skip("enough")
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	for i, fd := range pair {
		require.NoError(t, unix.SetNonblock(fd, true))
		m.peers[FD(fd)] = FD(pair[1-i])
		m.fds = append(m.fds, FD(fd))
	}
}

func (m *pollModel) add(t *rapid.T) {
	fd := m.any(t)
	m.next++
	token := NewToken(m.next, 1)
	err := m.p.Add(fd, token)
	if _, ok := m.registered[fd]; ok {
		require.ErrorIs(t, err, unix.EEXIST)
		return
	}
	require.NoError(t, err)
	m.registered[fd] = pollEntry{token: token, armed: Readable | Writable}
}

func (m *pollModel) remove(t *rapid.T) {
	fd := m.any(t)
	err := m.p.Remove(fd)
	if _, ok := m.registered[fd]; !ok {
		require.ErrorIs(t, err, unix.ENOENT)
		return
	}
	require.NoError(t, err)
	delete(m.registered, fd)
}

func (m *pollModel) closeOne(t *rapid.T) {
	fd := m.any(t)
	if rapid.Bool().Draw(t, "abort") {
		require.NoError(t, m.p.Abort(fd))
	} else {
		require.NoError(t, m.p.CloseFD(fd))
	}
	delete(m.registered, fd)
	delete(m.peers, fd)
	for i := range m.fds {
		if m.fds[i] == fd {
			m.fds = append(m.fds[:i], m.fds[i+1:]...)
			break
		}
	}
}

func (m *pollModel) arm(fd FD, r Readiness) {
	if e, ok := m.registered[fd]; ok {
		e.armed |= r & (Readable | Writable)
		m.registered[fd] = e
	}
}

func (m *pollModel) rearm(t *rapid.T) {
	fd := m.any(t)
	r := Readiness(rapid.IntRange(0, 15).Draw(t, "directions"))
	m.p.Rearm(fd, r)
	m.arm(fd, r)
}

func (m *pollModel) write(t *rapid.T) {
	fd := m.any(t)
	_, err := m.p.Write(fd, make([]byte, rapid.SampledFrom([]int{1, 1 << 20}).Draw(t, "bytes")))
	if err == ErrWouldBlock {
		m.arm(fd, Writable)
	}
}

func (m *pollModel) read(t *rapid.T) {
	fd := m.any(t)
	buf := make([]byte, rapid.SampledFrom([]int{1, 1 << 22}).Draw(t, "room"))
	n, err := m.p.Read(fd, buf)
	if err == ErrWouldBlock || err == nil && n < len(buf) {
		m.arm(fd, Readable)
	}
}

// wait demands of each event that it names something that was armed, and that
// Wait returns no more than it may.
func (m *pollModel) wait(t *rapid.T) {
	var events [5]Event
	n, err := m.p.Wait(events[:], 0)
	require.NoError(t, err)
	require.LessOrEqual(t, n, 3, "events with EventsPerWait 3")
	for _, e := range events[:n] {
		found := false
		for fd, entry := range m.registered {
			if entry.token != e.Token {
				continue
			}
			found = true
			require.NotZero(t, entry.armed, "an event %v for descriptor %d, which was not armed", e.Ready, fd)
			require.NotZero(t, e.Ready&(Readable|Writable))
			entry.armed &^= e.Ready
			m.registered[fd] = entry
		}
		require.True(t, found, "event %v of %v, which nobody registered", e.Ready, e.Token)
	}
}
