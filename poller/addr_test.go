package poller_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestParseAddrReads(t *testing.T) {
	tcp := func(s string, dual bool) poller.Addr {
		return poller.Addr{AddrPort: netip.MustParseAddrPort(s), DualStack: dual}
	}
	for _, c := range []struct {
		network, address string
		want             poller.Addr
	}{
		{"tcp", "127.0.0.1:80", tcp("127.0.0.1:80", false)},
		{"tcp", "[::1]:80", tcp("[::1]:80", false)},
		{"tcp", ":80", tcp("[::]:80", true)},
		{"tcp", "[::]:80", tcp("[::]:80", true)},
		{"tcp", "0.0.0.0:80", tcp("0.0.0.0:80", false)},
		{"tcp", "127.0.0.1:", tcp("127.0.0.1:0", false)},
		{"tcp4", ":80", tcp("0.0.0.0:80", false)},
		{"tcp6", ":80", tcp("[::]:80", false)},
		{"tcp6", "[::]:80", tcp("[::]:80", false)},
		{"tcp", "[::ffff:10.0.0.1]:80", tcp("10.0.0.1:80", false)},
		{"tcp", "[fe80::1%eth0]:80", tcp("[fe80::1%eth0]:80", false)},
		{"unix", "/run/x", poller.Addr{Path: "/run/x"}},
		{"unix", "@abstract", poller.Addr{Path: "@abstract"}},
		{"unix", strings.Repeat("x", 103), poller.Addr{Path: strings.Repeat("x", 103)}},
	} {
		got, err := poller.ParseAddr(c.network, c.address)
		require.NoError(t, err, "ParseAddr(%q, %q)", c.network, c.address)
		require.Equal(t, c.want, got, "ParseAddr(%q, %q)", c.network, c.address)
	}
}

func TestParseAddrRefuses(t *testing.T) {
	for _, c := range []struct{ network, address string }{
		{"tcp", ""}, {"tcp", "127.0.0.1"}, {"tcp", "localhost:80"}, {"tcp", "127.0.0.1:65536"}, {"tcp", "127.0.0.1:-1"},
		{"tcp", "::1:80"}, {"tcp4", "[::1]:80"}, {"tcp4", "[::]:80"}, {"tcp6", "127.0.0.1:80"}, {"tcp6", "[::ffff:10.0.0.1]:80"},
		{"unix", ""}, {"unix", strings.Repeat("x", 104)}, {"unix", "a\x00b"},
	} {
		_, err := poller.ParseAddr(c.network, c.address)
		require.ErrorAs(t, err, new(*net.AddrError), "ParseAddr(%q, %q)", c.network, c.address)
	}
	for _, network := range []string{"", "udp", "unixgram", "TCP"} {
		_, err := poller.ParseAddr(network, "127.0.0.1:80")
		require.ErrorAs(t, err, new(net.UnknownNetworkError), "ParseAddr(%q, ...)", network)
	}
}

func TestAddrIsANetAddr(t *testing.T) {
	for _, c := range []struct {
		network, address string
		want             net.Addr
	}{
		{"tcp", "127.0.0.1:80", &net.TCPAddr{IP: net.IP{127, 0, 0, 1}, Port: 80}},
		{"tcp", "[fe80::1%eth0]:80", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 80}},
		{"unix", "/run/x", &net.UnixAddr{Name: "/run/x", Net: "unix"}},
	} {
		a, err := poller.ParseAddr(c.network, c.address)
		require.NoError(t, err)
		require.Equal(t, c.want, a.NetAddr(), "NetAddr of %v", a)
		require.Equal(t, c.want.Network(), a.Network(), "Network of %v", a)
		require.Equal(t, c.want.String(), a.String())
		require.Equal(t, c.network == "unix", a.IsUnix(), "IsUnix of %v", a)
	}
}

// FuzzParseAddr: no address panics, and the text of one that was read is read
// as the same again.
func FuzzParseAddr(f *testing.F) {
	for _, network := range []string{"tcp", "tcp4", "tcp6", "unix", "udp"} {
		for _, address := range []string{"", ":", ":0", "[::]:80", "127.0.0.1:http", "[fe80::1%a]b]:1", "[::ffff:1.2.3.4%x]:1", "@", "\x00", "[]:1", "[::1%]:1"} {
			f.Add(network, address)
		}
	}
	f.Fuzz(func(t *testing.T, network, address string) {
		a, err := poller.ParseAddr(network, address)
		if err != nil {
			require.Zero(t, a, "ParseAddr(%q, %q) with an error", network, address)
			return
		}
		again, err := poller.ParseAddr(network, a.String())
		require.NoError(t, err, "ParseAddr(%q, %q), which is the text of %q", network, a.String(), address)
		require.Equal(t, a, again, "ParseAddr(%q, %q), which is the text of %q", network, a.String(), address)
		require.Equal(t, strings.TrimRight(network, "46"), a.Network())
		a.NetAddr()
	})
}
