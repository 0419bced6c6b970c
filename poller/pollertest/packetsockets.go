package pollertest

import (
	"errors"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// The sentences about how datagram sockets are opened, and whom they hear.
var packetSockets = []sentence{
	{says: "A connected socket sends to its peer and hears from it alone", test: func(t *testing.T, l *Loop) {
		for _, at := range []poller.Addr{Loopback, Loopback6} {
			if at == Loopback6 && !hasIPv6(l) {
				continue
			}
			server, to := l.Packet(at, poller.PacketOptions{})
			client, from := l.PacketTo(poller.Addr{}, to, poller.PacketOptions{})
			stranger, _ := l.Packet(at, poller.PacketOptions{})
			peer, err := l.PeerAddr(client)
			require.NoError(t, err)
			require.Equal(t, to, peer, "PeerAddr of a connected socket")
			require.Equal(t, to.Addr(), from.Addr(), "the kernel's choice of a local address")
			require.NotZero(t, from.Port(), "the kernel's choice of a port")
			l.Post(client, poller.Addr{}, "question")
			l.Gather(server, 1)
			l.Post(stranger, from, "noise")
			l.Settle()
			l.Post(server, from, "answer")
			require.Equal(t, []string{"answer"}, texts(l.Gather(client, 1)))
		}
	}},

	{says: "A connected socket has the local address it was given", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, to := l.Packet(place(), poller.PacketOptions{})
			free, from := l.Packet(place(), poller.PacketOptions{})
			require.NoError(t, l.CloseFD(free))
			client, local := l.PacketTo(from, to, poller.PacketOptions{})
			require.Equal(t, from, local)
			l.Post(client, poller.Addr{}, "question")
			require.Equal(t, from, l.Gather(server, 1)[0].Peer)
			l.Post(server, from, "answer")
			require.Equal(t, []string{"answer"}, texts(l.Gather(client, 1)))
		})
	}},

	{says: "A connect to a path without a socket is ENOENT, to a dead one ECONNREFUSED", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		require.NoError(t, l.CloseFD(server))
		_, err := l.ConnectPacket(poller.Addr{}, poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		require.ErrorIs(t, err, syscall.ENOENT)
		own := poller.Addr{Path: UnixPath(t)}
		_, err = l.ConnectPacket(own, at, poller.PacketOptions{})
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		_, err = l.ConnectPacket(poller.Addr{}, own, poller.PacketOptions{})
		require.ErrorIs(t, err, syscall.ENOENT, "a ConnectPacket that failed has left its own path behind")
	}},

	{says: "A path where a datagram socket is bound is ErrPathInUse", test: func(t *testing.T, l *Loop) {
		_, at := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		_, err := l.ListenPacket(at, poller.PacketOptions{})
		require.ErrorIs(t, err, poller.ErrPathInUse, "second ListenPacket")
		require.ErrorIs(t, err, syscall.EADDRINUSE, "second ListenPacket")
		_, err = l.Listen(at, poller.ListenOptions{})
		require.ErrorIs(t, err, poller.ErrPathInUse, "Listen at a datagram socket's path")
		_, stream := l.Server(poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{})
		_, err = l.ListenPacket(stream, poller.PacketOptions{})
		require.ErrorIs(t, err, poller.ErrPathInUse, "ListenPacket at a listener's path")
	}},

	{says: "A path where no datagram socket is bound any more is replaced", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		require.NoError(t, l.CloseFD(server))
		server, _ = l.Packet(at, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		l.Post(client, poller.Addr{}, "x")
		require.Equal(t, []string{"x"}, texts(l.Gather(server, 1)))
	}},

	{says: "A port that is taken is EADDRINUSE", test: func(t *testing.T, l *Loop) {
		_, at := l.Packet(Loopback, poller.PacketOptions{})
		_, err := l.ListenPacket(at, poller.PacketOptions{})
		require.ErrorIs(t, err, syscall.EADDRINUSE)
	}},

	{says: "A UDP port and a TCP port of the same number are two", test: func(t *testing.T, l *Loop) {
		_, at := l.Server(Loopback, poller.ListenOptions{})
		fd, err := l.ListenPacket(at, poller.PacketOptions{})
		if errors.Is(err, syscall.EADDRINUSE) {
			t.Skip("the UDP port of that number is somebody else's")
		}
		needs(t, err, "datagrams")
		l.Own(fd)
	}},

	{says: "ReusePort spreads senders over the sockets of one port, or is errors.ErrUnsupported", test: func(t *testing.T, l *Loop) {
		reuse := poller.PacketOptions{ReusePort: true}
		fd, err := l.ListenPacket(Loopback, reuse)
		needs(t, err, "ReusePort")
		at := l.adopt(fd)
		servers := []poller.FD{fd}
		for range 3 {
			fd, _ := l.Packet(at, reuse)
			servers = append(servers, fd)
		}
		const senders = 64
		for range senders {
			client, _ := l.Packet(Loopback, poller.PacketOptions{})
			l.Post(client, at, "x")
		}
		total, busy := 0, 0
		for _, fd := range servers {
			got := l.everything(fd)
			total += len(got)
			busy += min(len(got), 1)
		}
		require.Equal(t, senders, total, "datagrams to four sockets of one port")
		require.Greater(t, busy, 1, "sockets that heard something")
	}},

	{says: "A dual-stack socket hears IPv4 peers under their own address, and answers", test: func(t *testing.T, l *Loop) {
		both, err := poller.ParsePacketAddr("udp", ":0")
		require.NoError(t, err)
		server, at := l.Packet(both, poller.PacketOptions{})
		for _, loopback := range []poller.Addr{Loopback, Loopback6} {
			if loopback == Loopback6 && (!at.Addr().Is6() || !hasIPv6(l)) {
				continue
			}
			client, from := l.Packet(loopback, poller.PacketOptions{})
			l.Post(client, poller.Addr{AddrPort: netip.AddrPortFrom(loopback.Addr(), at.Port())}, "question")
			got := l.Gather(server, 1)
			require.Equal(t, from, got[0].Peer)
			l.Post(server, from, "answer")
			require.Equal(t, []string{"answer"}, texts(l.Gather(client, 1)))
		}
	}},

	{says: "A socket of IPv6 alone leaves the port of IPv4 free", test: func(t *testing.T, l *Loop) {
		if !hasIPv6(l) {
			t.Skip("this system has no IPv6")
		}
		only6, err := poller.ParsePacketAddr("udp6", ":0")
		require.NoError(t, err)
		_, at := l.Packet(only6, poller.PacketOptions{})
		fd, err := l.ListenPacket(poller.Addr{AddrPort: netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())}, poller.PacketOptions{})
		if errors.Is(err, syscall.EADDRINUSE) {
			t.Skip("that port of IPv4 is somebody else's")
		}
		require.NoError(t, err)
		l.Own(fd)
	}},

	{says: "PacketOptions set the kernel's buffers", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			fd, _ := l.Packet(place(), poller.PacketOptions{SendBuffer: 32 << 10, ReceiveBuffer: 48 << 10})
			for o, least := range map[poller.Option]int{poller.SendBuffer: 32 << 10, poller.ReceiveBuffer: 48 << 10} {
				got, err := l.Option(fd, o)
				require.NoError(t, err, "read %v", o)
				require.GreaterOrEqual(t, got, least, "%v", o)
				require.NoError(t, l.SetOption(fd, o, 2*least), "set %v", o)
			}
		})
	}},

	{says: "A datagram socket without an address is refused", test: func(t *testing.T, l *Loop) {
		_, err := l.ListenPacket(poller.Addr{}, poller.PacketOptions{})
		require.Error(t, err, "ListenPacket nowhere")
		_, err = l.ConnectPacket(poller.Addr{}, poller.Addr{}, poller.PacketOptions{})
		require.Error(t, err, "ConnectPacket to nobody")
	}},
}
