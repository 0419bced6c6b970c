package poller_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

// Whatever a train is made of, its datagrams arrive as they were, with who sent them.
func TestTrainsArriveAsDatagrams(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		for _, at := range loopbacks(l) {
			first, at1 := l.Packet(at, poller.PacketOptions{})
			second, at2 := l.Packet(at, poller.PacketOptions{})
			client, from := l.Packet(at, poller.PacketOptions{})
			var out []poller.Datagram
			want := map[poller.FD][]string{}
			for i, size := range []int{64, 64, 64, 20, 64, 64, 0, 0, 5, 5, 1200, 1200, 1200, 1201, 1201, 8000, 8000, 1, 1, 1} {
				text := strings.Repeat(string(rune('a'+i)), size)
				to, fd := at1, first
				if i%7 == 5 {
					to, fd = at2, second
				}
				want[fd] = append(want[fd], text)
				out = append(out, poller.Datagram{Payload: []byte(text), Peer: to})
			}
			for rest := out; len(rest) > 0; { // a train that a narrow path refuses ends a Send
				n, err := l.OS.Send(client, rest)
				require.NoError(t, err)
				rest = rest[n:]
			}
			for fd, texts := range want {
				into := make([]poller.Datagram, len(texts)+1)
				for i := range into {
					into[i].Payload = make([]byte, 10_000)
				}
				n, err := l.OS.Receive(fd, into)
				require.NoError(t, err)
				require.Equal(t, len(texts), n, "datagrams")
				for i, text := range texts {
					require.Equal(t, text, string(into[i].Payload[:into[i].N]), "datagram %d", i)
					require.Equal(t, from, into[i].Peer)
				}
			}
		}
	})
}

// Quirk(linux): a socket without checksums has no segmentation.
func TestTrainThatIsRefusedGoesOneByOne(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		server, at := l.Packet(pollertest.Loopback, poller.PacketOptions{})
		client, _ := l.Packet(pollertest.Loopback, poller.PacketOptions{})
		require.NoError(t, unix.SetsockoptInt(int(client), unix.SOL_SOCKET, unix.SO_NO_CHECK, 1))
		l.Post(client, at, "1", "2", "3", "4")
		l.Gather(server, 4)
		// Not the first message: what went before it is not sent again.
		want := []string{"1", "22", "33", "44", "5"}
		l.Post(client, at, want...)
		for i, d := range l.Gather(server, len(want)) {
			require.Equal(t, want[i], string(d.Payload[:d.N]))
		}
		l.Sleeps()
	})
}

// A train has datagrams of one peer and one size, but for a shorter one at its end.
func TestTrainKeepsItsRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 63, 64, 1200, 1201}), 1, 64).Draw(t, "sizes")
		peers := rapid.SliceOfN(rapid.SampledFrom([]string{"127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:1", "127.0.0.1:2", ""}), len(sizes), len(sizes)).Draw(t, "peers")
		out := make([]poller.Datagram, len(sizes))
		for i := range out {
			out[i].Payload = make([]byte, sizes[i])
			if peers[i] != "" {
				out[i].Peer.AddrPort = netip.MustParseAddrPort(peers[i])
			}
		}
		n := poller.Train(out)
		require.True(t, n >= 1 && n <= len(out), "%d of %d", n, len(out))
		total := 0
		for i := range n {
			total += sizes[i]
			if n == 1 {
				continue
			}
			what := fmt.Sprintf("datagram %d of a train of %d", i, n)
			require.Equal(t, out[0].Peer, out[i].Peer, what)
			require.True(t, out[i].Peer.IsValid(), what)
			require.NotZero(t, sizes[i], what)
			require.LessOrEqual(t, sizes[0], 1200, what)
			if i < n-1 {
				require.Equal(t, sizes[0], sizes[i], what)
			} else {
				require.LessOrEqual(t, sizes[i], sizes[0], what)
			}
		}
		if n > 1 {
			require.LessOrEqual(t, total, 64_000)
		}
		if same := n; n < len(out) && sizes[0] > 0 && sizes[0] <= 1200 && out[0].Peer.IsValid() && sizes[n] == sizes[0] && out[n].Peer == out[0].Peer {
			require.True(t, sizes[n-1] < sizes[0] || (same+1)*sizes[0] > 64_000, "a train of %d could be longer", n)
		}
	})
}
