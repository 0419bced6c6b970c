package sim_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// post is a datagram socket that a test has in its own hands: it sends, lets
// time pass, and looks.
type post struct {
	t  *testing.T
	h  *sim.Host
	os poller.Simulated
	fd poller.FD
	at poller.Addr
}

// openPost makes one of the socket that open opens.
func openPost(t *testing.T, h *sim.Host, open func(poller.Datagrams) (poller.FD, error)) *post {
	t.Helper()
	os := h.OS().(poller.Simulated)
	p := &post{t: t, h: h, os: os}
	var err error
	p.fd, err = open(p.os)
	require.NoError(t, err)
	p.at, err = os.LocalAddr(p.fd)
	require.NoError(t, err)
	if p.at.AddrPort.IsValid() && p.at.Addr().IsUnspecified() {
		p.at.AddrPort = netip.AddrPortFrom(h.Addr(), p.at.Port())
	}
	return p
}

// udp is an address, "" for any port of any IPv4 address.
func udp(at string) poller.Addr {
	if at == "" {
		at = "0.0.0.0:0"
	}
	return poller.Addr{AddrPort: netip.MustParseAddrPort(at)}
}

func bound(t *testing.T, h *sim.Host, at poller.Addr, o poller.PacketOptions) *post {
	t.Helper()
	return openPost(t, h, func(os poller.Datagrams) (poller.FD, error) { return os.ListenPacket(at, o) })
}

func connected(t *testing.T, h *sim.Host, to poller.Addr) *post {
	t.Helper()
	return openPost(t, h, func(os poller.Datagrams) (poller.FD, error) {
		return os.ConnectPacket(poller.Addr{}, to, poller.PacketOptions{})
	})
}

// try is one Send of one datagram; the zero to is the peer's.
func (p *post) try(to poller.Addr, payload string) error {
	_, err := p.os.Send(p.fd, []poller.Datagram{{Payload: []byte(payload), Peer: to}})
	return err
}

func (p *post) send(to poller.Addr, payloads ...string) {
	p.t.Helper()
	for _, payload := range payloads {
		require.NoError(p.t, p.try(to, payload), "send %q to %v", payload, to)
	}
}

// got is everything that has arrived, and an error that the network reported.
func (p *post) got() (payloads []string, err error) {
	p.t.Helper()
	into := make([]poller.Datagram, 8)
	for i := range into {
		into[i].Payload = make([]byte, 2000)
	}
	for {
		n, err := p.os.Receive(p.fd, into)
		for _, d := range into[:n] {
			require.False(p.t, d.Truncated)
			payloads = append(payloads, string(d.Payload[:d.N]))
		}
		if errors.Is(err, poller.ErrWouldBlock) {
			return payloads, nil
		}
		if err != nil {
			return payloads, err
		}
	}
}

// gets requires what has arrived.
func (p *post) gets(want ...string) {
	p.t.Helper()
	got, err := p.got()
	require.NoError(p.t, err)
	require.Equal(p.t, want, got, "what has arrived at %v", p.at)
}

// twoHosts are a world with two hosts, some milliseconds apart.
func twoHosts(t *testing.T, c sim.Config) (w *sim.World, a, b *sim.Host) {
	t.Helper()
	if c.Link == (sim.Conditions{}) {
		c.Link.Latency = 5 * time.Millisecond
	}
	w = newWorld(t, c)
	return w, w.Host("a", "10.0.0.1", "fd00::1"), w.Host("b", "10.0.0.2", "fd00::2")
}

func pass(t *testing.T, w *sim.World, d time.Duration) {
	t.Helper()
	require.NoError(t, w.RunFor(d))
}
