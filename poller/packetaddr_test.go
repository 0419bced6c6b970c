package poller_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestParsePacketAddrReads(t *testing.T) {
	udp := func(s string, dual bool) poller.Addr {
		return poller.Addr{AddrPort: netip.MustParseAddrPort(s), DualStack: dual}
	}
	for _, c := range []struct {
		network, address string
		want             poller.Addr
		net              net.Addr
	}{
		{"udp", "127.0.0.1:53", udp("127.0.0.1:53", false), &net.UDPAddr{IP: net.IP{127, 0, 0, 1}, Port: 53}},
		{"udp", "127.0.0.1:domain", udp("127.0.0.1:53", false), &net.UDPAddr{IP: net.IP{127, 0, 0, 1}, Port: 53}},
		{"udp", ":53", udp("[::]:53", true), &net.UDPAddr{IP: net.IPv6unspecified, Port: 53}},
		{"udp4", ":53", udp("0.0.0.0:53", false), &net.UDPAddr{IP: net.IP{0, 0, 0, 0}, Port: 53}},
		{"udp6", ":53", udp("[::]:53", false), &net.UDPAddr{IP: net.IPv6unspecified, Port: 53}},
		{"udp", "[fe80::1%eth0]:53", udp("[fe80::1%eth0]:53", false), &net.UDPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 53}},
		{"unixgram", "/run/x", poller.Addr{Path: "/run/x"}, &net.UnixAddr{Name: "/run/x", Net: "unixgram"}},
		{"unixgram", "@abstract", poller.Addr{Path: "@abstract"}, &net.UnixAddr{Name: "@abstract", Net: "unixgram"}},
	} {
		got, err := poller.ParsePacketAddr(c.network, c.address)
		require.NoError(t, err, "ParsePacketAddr(%q, %q)", c.network, c.address)
		require.Equal(t, c.want, got, "ParsePacketAddr(%q, %q)", c.network, c.address)
		require.Equal(t, c.net, got.PacketAddr(), "PacketAddr of %v", got)
		require.Equal(t, c.net.Network(), got.PacketNetwork(), "PacketNetwork of %v", got)
	}
}

func TestParsePacketAddrRefuses(t *testing.T) {
	for _, c := range []struct{ network, address string }{
		{"udp", ""}, {"udp", "localhost:80"}, {"udp", "127.0.0.1:65536"}, {"udp4", "[::1]:80"}, {"udp6", "127.0.0.1:80"},
		{"unixgram", ""}, {"unixgram", strings.Repeat("x", 104)}, {"unixgram", "a\x00b"},
	} {
		_, err := poller.ParsePacketAddr(c.network, c.address)
		require.ErrorAs(t, err, new(*net.AddrError), "ParsePacketAddr(%q, %q)", c.network, c.address)
	}
	for _, network := range []string{"", "tcp", "unix", "unixpacket", "UDP"} {
		_, err := poller.ParsePacketAddr(network, "127.0.0.1:80")
		require.ErrorAs(t, err, new(net.UnknownNetworkError), "ParsePacketAddr(%q, ...)", network)
	}
}
