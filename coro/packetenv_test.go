package coro

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// onPackets runs the test on every system, the simulated one included, with each
// kind of datagram socket.
func onPackets(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onRealPackets(t, test)
	for _, network := range []string{"udp4", "udp6", "unixgram"} {
		onSimulated(t, network, test)
	}
}

// onRealPackets is onPackets for what needs package net, goroutines, descriptors,
// or a kernel that takes no freedoms.
func onRealPackets(t *testing.T, test func(t *testing.T, e *env)) {
	t.Helper()
	onNetworks(t, append(withIPv6("udp6"), "udp4", "unixgram"), test)
}

// withIPv6 is networks on a machine with an IPv6 loopback, and nothing on others, as
// containers often are.
func withIPv6(networks ...string) []string {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return nil
	}
	c.Close()
	return networks
}

// packetAddress is where a datagram socket of this test goes.
func (e *env) packetAddress() string {
	switch e.network {
	case "udp4":
		return "127.0.0.1:0"
	case "udp6":
		return "[::1]:0"
	}
	return e.address() // a new path
}

// packet is a datagram socket on the loop.
func (e *env) packet(ctx context.Context) *PacketConn {
	e.t.Helper()
	c, err := ListenPacket(ctx, e.network, e.packetAddress())
	require.NoError(e.t, err)
	return c
}

// packetTo is a socket that is connected to another, and has an address of its own.
func (e *env) packetTo(ctx context.Context, to net.Addr) *PacketConn {
	e.t.Helper()
	c, err := PacketConfig{Local: e.packetAddress()}.DialPacket(ctx, e.network, to.String())
	require.NoError(e.t, err)
	return c
}

// packetPeer is a datagram socket of package net's.
func (e *env) packetPeer() net.PacketConn {
	e.t.Helper()
	c, err := net.ListenPacket(e.network, e.packetAddress())
	require.NoError(e.t, err)
	e.t.Cleanup(func() { c.Close() })
	return c
}

// messages are n datagrams with room, or to send: nobody has written in them.
func messages(n, bytes int) []Message {
	all := make([]Message, n)
	for i := range all {
		all[i].Payload = make([]byte, bytes)
	}
	return all
}

// datagrams is the part of a faultyOS that counts what moves datagrams, and fails.
type datagrams struct {
	receives, sends int   // system calls that the poller was asked for
	sendError       error // of the next one, once
}

func (f *faultyOS) Receive(fd poller.FD, into []poller.Datagram) (int, error) {
	f.receives++
	return f.OS.Receive(fd, into)
}

func (f *faultyOS) Send(fd poller.FD, out []poller.Datagram) (int, error) {
	f.sends++
	if err := f.sendError; err != nil {
		f.sendError = nil
		return 0, err
	}
	return f.OS.Send(fd, out)
}

// fillPackets sends to a Unix socket until its queue is full, and returns how many
// datagrams fit.
func fillPackets(t *testing.T, c *PacketConn, to net.Addr) (n int) {
	t.Helper()
	for c.stats.Sent < 100_000 {
		d := []poller.Datagram{{Payload: []byte("x")}}
		if !c.connected() {
			d[0].Peer.Path = to.String()
		}
		if _, err := c.src.Send(d); err != nil {
			require.Equal(t, poller.ErrWouldBlock, err)
			return n
		}
		c.src.SetReady(1)
		n++
	}
	t.Fatal("a Unix socket takes datagrams without end")
	return 0
}
