package poller_test

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

func TestDatagramArgumentsAreMadeByTheFirstDatagram(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		l.Pair()
		fd, at := l.Packet(pollertest.Loopback, poller.PacketOptions{})
		require.False(t, poller.HasDatagramArguments(l.OS), "before a datagram")
		l.Post(fd, at, "x")
		require.True(t, poller.HasDatagramArguments(l.OS), "after a datagram")
	})
}

// loopbacks are this machine's: containers often have no IPv6.
func loopbacks(l *pollertest.Loop) []poller.Addr {
	fd, err := l.ListenPacket(pollertest.Loopback6, poller.PacketOptions{})
	if err != nil {
		return []poller.Addr{pollertest.Loopback}
	}
	_ = l.CloseFD(fd)
	return []poller.Addr{pollertest.Loopback, pollertest.Loopback6}
}

func TestDatagramsOfIPAllocateNothing(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		for _, at := range loopbacks(l) {
			server, to := l.Packet(at, poller.PacketOptions{})
			client, _ := l.Packet(at, poller.PacketOptions{})
			out, into := make([]poller.Datagram, 8), make([]poller.Datagram, 8)
			for i := range out {
				out[i] = poller.Datagram{Payload: []byte("x"), Peer: to}
				into[i].Payload = make([]byte, 10)
			}
			allocs := testing.AllocsPerRun(100, func() {
				if n, err := l.OS.Send(client, out); n != len(out) || err != nil {
					panic(fmt.Sprint("Send: ", n, err))
				}
				if n, err := l.OS.Receive(server, into); n != len(into) || err != nil {
					panic(fmt.Sprint("Receive: ", n, err))
				}
			})
			require.Zero(t, allocs, "allocations of 8 datagrams at %v, sent and received", at)
		}
	})
}

// Of all that wait for a full Unix receiver, Linux tells those who are connected
// to it.
func TestConnectedUnixSenderIsToldOfRoom(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		server, at := l.Packet(poller.Addr{Path: pollertest.UnixPath(t)}, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		one := []poller.Datagram{{Payload: []byte("x")}}
		for err := error(nil); err != poller.ErrWouldBlock; _, err = l.OS.Send(client, one) {
			require.NoError(t, err)
		}
		l.Settle()
		l.Sleeps()
		l.Forget(client)
		_, err := l.OS.Receive(server, []poller.Datagram{{}})
		require.NoError(t, err)
		l.Await(client, poller.Writable)
		l.Post(client, poller.Addr{}, "y")
	})
}

func TestDatagramPathOfAnythingButASocketIsKept(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		dir := filepath.Dir(pollertest.UnixPath(t))
		file, sub := filepath.Join(dir, "file"), filepath.Join(dir, "sub")
		require.NoError(t, os.WriteFile(file, []byte("precious"), 0o600))
		require.NoError(t, os.Mkdir(sub, 0o700))
		for _, path := range []string{file, sub} {
			_, err := l.ListenPacket(poller.Addr{Path: path}, poller.PacketOptions{})
			require.ErrorIs(t, err, poller.ErrPathInUse, "ListenPacket at %s", path)
			_, err = os.Lstat(path)
			require.NoError(t, err, "%s after ListenPacket", path)
		}
	})
}

func TestAbstractNamesSendAndReceive(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		name := func(s string) poller.Addr {
			return poller.Addr{Path: fmt.Sprintf("@weft-datagrams-%s-%d", s, os.Getpid())}
		}
		server, at := l.Packet(name("server"), poller.PacketOptions{})
		client, from := l.Packet(name("client"), poller.PacketOptions{})
		require.Equal(t, name("server"), at)
		l.Post(client, at, "question")
		require.Equal(t, from, l.Gather(server, 1)[0].Peer)
		l.Post(server, from, "answer")
		l.Gather(client, 1)
	})
}

// A peer on a link-local address is named with its network interface, and that
// name is the way back.
func TestLinkLocalPeersHaveAZone(t *testing.T) {
	at, ok := linkLocal(t)
	if !ok {
		t.Skip("this machine has no link-local address")
	}
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		server, to := l.Packet(at, poller.PacketOptions{})
		client, from := l.Packet(at, poller.PacketOptions{})
		l.Post(client, to, "question")
		peer := l.Gather(server, 1)[0].Peer
		require.Equal(t, from, peer)
		require.Equal(t, at.Addr().Zone(), peer.Addr().Zone())
		l.Post(server, peer, "answer")
		l.Gather(client, 1)
		_, err := l.OS.Send(server, []poller.Datagram{{Peer: poller.Addr{AddrPort: netip.MustParseAddrPort("[fe80::1%nosuch]:1")}}})
		require.ErrorContains(t, err, "nosuch")
	})
}

func linkLocal(t *testing.T) (at poller.Addr, ok bool) {
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		addrs, err := i.Addrs()
		require.NoError(t, err)
		for _, a := range addrs {
			if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().Is6() && prefix.Addr().IsLinkLocalUnicast() {
				return poller.Addr{AddrPort: netip.AddrPortFrom(prefix.Addr().WithZone(i.Name), 0)}, true
			}
		}
	}
	return at, false
}

// A descriptor that came with a datagram, for which Receive has no room, is not
// left open.
func TestPassedDescriptorIsClosed(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		server, at := l.Packet(poller.Addr{Path: pollertest.UnixPath(t)}, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		before := descriptors()
		require.NoError(t, unix.Sendmsg(int(client), []byte("x"), unix.UnixRights(0), nil, 0))
		got := l.Gather(server, 1)
		require.Equal(t, "x", string(got[0].Payload[:got[0].N]))
		require.Equal(t, before, descriptors(), "descriptors after one was passed")
	})
}

// Quirk(linux): the second of two datagrams meets the refusal of an earlier one,
// sendmmsg has sent the first, and nobody is told.
func TestSendGoesOnAfterARefusalInItsMiddle(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		server, at := l.Packet(pollertest.Loopback, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		require.NoError(t, l.CloseFD(server))
		sent, refused := 0, 0
		for sent < 100 {
			n, err := l.OS.Send(client, make([]poller.Datagram, min(5, 100-sent)))
			sent += n
			if err != nil {
				require.ErrorIs(t, err, unix.ECONNREFUSED, "Send after %d datagrams", sent)
				refused++
				require.Less(t, refused, 1000, "refusals, with %d datagrams sent", sent)
			}
		}
	})
}
