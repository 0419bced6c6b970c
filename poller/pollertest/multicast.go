package pollertest

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// The sentences about groups, which a system need not have: its JoinGroup is
// errors.ErrUnsupported then.
var multicast = []sentence{
	{says: "A member of a group gets what is sent to it, until it leaves", test: func(t *testing.T, l *Loop) {
		memberOf(t, l, Loopback, netip.MustParseAddr("239.255.119.101"), loopbackIndex(t))
	}},

	// Few machines have a route for groups of IPv6 on their loopback interface.
	// What is sent to a group of scope 1 stays on the machine on any other too.
	{says: "A member of a group of IPv6 gets what is sent to it, until it leaves", test: func(t *testing.T, l *Loop) {
		if !hasIPv6(l) {
			t.Skip("this system has no IPv6")
		}
		all, err := net.Interfaces()
		require.NoError(t, err)
		indices := []int{0} // the system's choice, which few systems can make here
		for _, i := range all {
			if i.Flags&(net.FlagUp|net.FlagMulticast) == net.FlagUp|net.FlagMulticast {
				indices = append(indices, i.Index)
			}
		}
		for _, index := range indices {
			if memberOf(t, l, Loopback6, netip.MustParseAddr("ff01::7765:6674"), index) {
				return
			}
		}
		t.Skip("no network interface here has a route for groups of IPv6")
	}},

	{says: "Several sockets with ReuseAddress hear the same group on one port", test: func(t *testing.T, l *Loop) {
		group := netip.MustParseAddr("239.255.119.102")
		reuse := poller.PacketOptions{ReuseAddress: true}
		first, at := l.Packet(anyOf(Loopback), reuse)
		needs(t, l.JoinGroup(first, group, loopbackIndex(t)), "multicast")
		second, _ := l.Packet(at, reuse)
		require.NoError(t, l.JoinGroup(second, group, loopbackIndex(t)))
		sender, _ := l.Packet(Loopback, poller.PacketOptions{})
		require.NoError(t, l.SetOption(sender, poller.MulticastInterface, loopbackIndex(t)))
		l.Post(sender, poller.Addr{AddrPort: netip.AddrPortFrom(group, at.Port())}, "to all")
		require.Equal(t, []string{"to all"}, texts(l.Gather(first, 1)))
		require.Equal(t, []string{"to all"}, texts(l.Gather(second, 1)))
	}},

	{says: "A group that was joined already is EADDRINUSE, one that was not is EADDRNOTAVAIL", test: func(t *testing.T, l *Loop) {
		member, _ := l.Packet(anyOf(Loopback), poller.PacketOptions{})
		group, index := netip.MustParseAddr("239.255.119.103"), loopbackIndex(t)
		needs(t, l.JoinGroup(member, group, index), "multicast")
		require.ErrorIs(t, l.JoinGroup(member, group, index), syscall.EADDRINUSE, "second JoinGroup")
		require.NoError(t, l.LeaveGroup(member, group, index))
		require.ErrorIs(t, l.LeaveGroup(member, group, index), syscall.EADDRNOTAVAIL, "second LeaveGroup")
	}},

	{says: "A group on an interface that is not there is ENODEV", test: func(t *testing.T, l *Loop) {
		member, _ := l.Packet(anyOf(Loopback), poller.PacketOptions{})
		err := l.JoinGroup(member, netip.MustParseAddr("239.255.119.104"), 99_999)
		if errors.Is(err, errors.ErrUnsupported) {
			t.Skip("this system has no multicast")
		}
		require.ErrorIs(t, err, syscall.ENODEV)
	}},

	{says: "What is no group cannot be joined", test: func(t *testing.T, l *Loop) {
		member, _ := l.Packet(anyOf(Loopback), poller.PacketOptions{})
		require.Error(t, l.JoinGroup(member, netip.MustParseAddr("192.0.2.1"), 0))
	}},

	{says: "The options of multicast are set and read, or errors.ErrUnsupported", test: func(t *testing.T, l *Loop) {
		for _, at := range []poller.Addr{Loopback, Loopback6} {
			if at == Loopback6 && !hasIPv6(l) {
				continue
			}
			fd, _ := l.Packet(at, poller.PacketOptions{})
			for _, c := range []struct {
				option poller.Option
				value  int
			}{{poller.MulticastTTL, 3}, {poller.MulticastTTL, 0}, {poller.MulticastLoopback, 0}, {poller.MulticastLoopback, 1}} {
				if err := l.SetOption(fd, c.option, c.value); err != nil {
					require.ErrorIs(t, err, errors.ErrUnsupported, "set %v", c.option)
					continue
				}
				got, err := l.Option(fd, c.option)
				require.NoError(t, err, "read %v", c.option)
				require.Equal(t, c.value, got, "%v after it was set", c.option)
			}
			require.Error(t, l.SetOption(fd, poller.MulticastTTL, 256), "a TTL of 256")
		}
	}},
}

// memberOf is a member of a group, and reports false where the interface has no
// way to send to it.
func memberOf(t *testing.T, l *Loop, loopback poller.Addr, group netip.Addr, index int) bool {
	t.Helper()
	member, at := l.Packet(anyOf(loopback), poller.PacketOptions{})
	stranger, _ := l.Packet(anyOf(loopback), poller.PacketOptions{})
	err := l.JoinGroup(member, group, index)
	if errors.Is(err, syscall.ENODEV) {
		return false
	}
	needs(t, err, "multicast")
	sender, from := l.Packet(anyOf(loopback), poller.PacketOptions{})
	require.NoError(t, l.SetOption(sender, poller.MulticastInterface, index))
	to := poller.Addr{AddrPort: netip.AddrPortFrom(group, at.Port())}
	if _, err := l.OS.Send(sender, datagrams(to, "to all")); errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) {
		return false
	}
	got := l.Gather(member, 1)
	require.Equal(t, []string{"to all"}, texts(got))
	require.Equal(t, from.Port(), got[0].Peer.Port(), "who sent it")
	_, err = l.OS.Receive(stranger, room(1, 10))
	require.Equal(t, poller.ErrWouldBlock, err, "Receive on another port")

	require.NoError(t, l.LeaveGroup(member, group, index))
	l.Post(sender, to, "to nobody")
	l.Post(sender, poller.Addr{AddrPort: netip.AddrPortFrom(loopback.Addr(), at.Port())}, "last")
	require.Equal(t, []string{"last"}, texts(l.Gather(member, 1)), "what came after LeaveGroup")
	return true
}

// anyOf is the unspecified address of the same family.
func anyOf(at poller.Addr) poller.Addr {
	if at.Addr().Is4() {
		return poller.Addr{AddrPort: netip.AddrPortFrom(netip.IPv4Unspecified(), 0)}
	}
	return poller.Addr{AddrPort: netip.AddrPortFrom(netip.IPv6Unspecified(), 0)}
}

// loopbackIndex is the number of the loopback interface.
func loopbackIndex(t *testing.T) int {
	t.Helper()
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return i.Index
		}
	}
	t.Skip("this machine has no loopback interface")
	return 0
}
