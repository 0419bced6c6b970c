package pollertest

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// Loopback6 is ::1 at a port that the system chooses.
var Loopback6 = poller.Addr{AddrPort: netip.AddrPortFrom(netip.IPv6Loopback(), 0)}

// Packet opens a datagram socket at an address, and registers it.
func (l *Loop) Packet(at poller.Addr, o poller.PacketOptions) (poller.FD, poller.Addr) {
	l.t.Helper()
	fd, err := l.ListenPacket(at, o)
	needs(l.t, err, "datagrams at "+at.String())
	return fd, l.adopt(fd)
}

// PacketTo opens a connected datagram socket, and registers it.
func (l *Loop) PacketTo(from, to poller.Addr, o poller.PacketOptions) (poller.FD, poller.Addr) {
	l.t.Helper()
	fd, err := l.ConnectPacket(from, to, o)
	require.NoError(l.t, err, "ConnectPacket from %v to %v", from, to)
	return fd, l.adopt(fd)
}

func (l *Loop) adopt(fd poller.FD) poller.Addr {
	l.t.Helper()
	l.Own(fd)
	l.Register(fd)
	local, err := l.LocalAddr(fd)
	require.NoError(l.t, err, "LocalAddr of a datagram socket")
	return local
}

// forEachKind runs a test on UDP over IPv4, over IPv6 where the system has it, and
// on Unix sockets. Place gives addresses to bind to, a new one each time.
func forEachKind(t *testing.T, l *Loop, test func(t *testing.T, place func() poller.Addr)) {
	t.Helper()
	test(t, func() poller.Addr { return Loopback })
	if hasIPv6(l) {
		test(t, func() poller.Addr { return Loopback6 })
	}
	test(t, func() poller.Addr { return poller.Addr{Path: UnixPath(t)} })
}

func hasIPv6(l *Loop) bool {
	fd, err := l.ListenPacket(Loopback6, poller.PacketOptions{})
	if err != nil {
		return false
	}
	_ = l.CloseFD(fd)
	return true
}

// Post sends texts from fd to a peer, the zero Addr from a connected socket, and
// waits for room.
func (l *Loop) Post(fd poller.FD, to poller.Addr, texts ...string) {
	l.t.Helper()
	l.send(fd, datagrams(to, texts...))
}

// send sends all of out, in as many calls as it takes.
func (l *Loop) send(fd poller.FD, out []poller.Datagram) {
	l.t.Helper()
	for end := l.Now() + Patience; len(out) > 0; {
		n, err := l.OS.Send(fd, out)
		out = out[n:]
		if err == poller.ErrWouldBlock {
			require.Less(l.t, l.Now(), end, "sending to %v: no room, with %d datagrams left", out[0].Peer, len(out))
			l.Turn(time.Millisecond) // on a Unix socket there may be no event
			continue
		}
		require.NoError(l.t, err, "Send, with %d datagrams left", len(out))
	}
}

func datagrams(to poller.Addr, texts ...string) []poller.Datagram {
	out := make([]poller.Datagram, len(texts))
	for i, text := range texts {
		out[i] = poller.Datagram{Payload: []byte(text), Peer: to}
	}
	return out
}

// Gather waits for n datagrams, receiving as the contract lets one do it.
func (l *Loop) Gather(fd poller.FD, n int) []poller.Datagram {
	l.t.Helper()
	var got []poller.Datagram
	for {
		more, err := l.drainPackets(fd)
		got = append(got, more...)
		require.NoError(l.t, err, "Receive of %d datagrams, after %d", n, len(got))
		if len(got) >= n {
			require.Len(l.t, got, n, "datagrams received")
			return got
		}
		l.Await(fd, poller.Readable)
	}
}

// drainPackets receives up to a short one.
func (l *Loop) drainPackets(fd poller.FD) (got []poller.Datagram, err error) {
	for {
		into := room(5, 2048)
		n, err := l.OS.Receive(fd, into)
		got = append(got, into[:n]...)
		switch {
		case err == poller.ErrWouldBlock:
			return got, nil
		case err != nil || n < len(into):
			return got, err
		}
	}
}

// everything receives until nothing comes any more.
func (l *Loop) everything(fd poller.FD) (all []poller.Datagram) {
	l.t.Helper()
	for {
		l.Settle()
		got, err := l.drainPackets(fd)
		require.NoError(l.t, err, "Receive, after %d datagrams", len(all))
		if len(got) == 0 {
			return all
		}
		all = append(all, got...)
	}
}

func room(datagrams, bytes int) []poller.Datagram {
	into := make([]poller.Datagram, datagrams)
	for i := range into {
		into[i].Payload = make([]byte, bytes)
	}
	return into
}

// texts are the datagrams' contents.
func texts(got []poller.Datagram) []string {
	all := make([]string, len(got))
	for i, d := range got {
		all[i] = string(d.Payload[:d.N])
	}
	return all
}

// needs skips the test where the system has no such thing.
func needs(t *testing.T, err error, what string) {
	t.Helper()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skipf("this system has no %s: %v", what, err)
	}
	require.NoError(t, err, what)
}
