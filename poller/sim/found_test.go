package sim_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// What the exerciser has found in this package, each with the seed that did, of
// the exerciser as it was then.

// Seed 141: the loop waited for a lookup that nobody wanted any more, with the
// world standing still, so the lookup never ended.
func TestLoopThatEndsLetsTheWorldGoOnForItsLookups(t *testing.T) {
	w := newWorld(t, sim.Config{Seed: 3, Dials: sim.Dials{SlowDisk: time.Hour}})
	ended := time.Duration(0)
	w.Host("host").Go("impatient", tasks(func(ctx context.Context) error {
		err := coro.Timeout(ctx, time.Second, func(ctx context.Context) error {
			_, err := coro.Dial(ctx, "tcp", "nowhere:7")
			return err
		})
		ended = w.Elapsed()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		return nil
	}))
	require.NoError(t, w.Run())
	require.Equal(t, time.Second, ended.Truncate(10*time.Millisecond))
	require.Greater(t, w.Elapsed(), ended, "the program ends with its lookup")
}

// Seed 1793: the reset that answered the client's bytes was lost, and the client
// neither repeated the bytes nor heard of it ever again.
func TestResetThatAnswersBytesIsRepeatedLikeThem(t *testing.T) {
	for seed := range uint64(20) {
		var link *sim.Link
		w, server, client := pair(t, sim.Config{Seed: seed, Link: sim.Conditions{Latency: time.Millisecond}},
			func(context.Context, net.Conn) error { return nil }, // closes at once
			func(_ context.Context, c *coro.Conn) error {
				link.Set(sim.Conditions{Latency: time.Millisecond, Loss: 0.5})
				for {
					if _, err := c.Write(make([]byte, 1000)); err != nil {
						return nil
					}
				}
			})
		link = w.Link(server, client)
		require.NoError(t, w.Run(), "seed %d", seed)
	}
}

// Seed 12280: a reset in the middle of a writev was told to nobody, and the next
// read took it for the end of the stream.
func TestResetInAWritevIsTold(t *testing.T) {
	for seed := range uint64(50) {
		w := sim.New(sim.Config{Seed: seed})
		h := w.Host("host")
		h.SetDials(sim.Dials{Reset: 0.3})
		system := h.OS()
		listener, err := system.Listen(poller.Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:7")}, poller.ListenOptions{})
		require.NoError(t, err)
		at, err := system.LocalAddr(listener)
		require.NoError(t, err)
		c, err := system.Connect(at, poller.SocketOptions{})
		require.NoError(t, err)
		for system.ConnectResult(c) != nil {
			_, err = system.Wait(make([]poller.Event, 8), time.Millisecond)
			require.NoError(t, err)
		}
		for err == nil {
			_, err = system.Writev(c, [][]byte{[]byte("one"), []byte("two"), []byte("three")})
		}
		if !errors.Is(err, poller.ErrWouldBlock) {
			require.ErrorIs(t, err, syscall.ECONNRESET, "seed %d", seed)
		}
		w.Close()
	}
}

// Seed 4973: a reset was lost, and the FIN that had waited behind unsent bytes,
// which the reset had dropped, went out: the peer saw an end in order too early.
func TestNoEndOfStreamComesBehindALostReset(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	server, client := b.OS(), a.OS()
	listener, err := server.Listen(udp("0.0.0.0:7"), poller.ListenOptions{})
	require.NoError(t, err)
	c, err := client.Connect(udp("10.0.0.2:7"), poller.SocketOptions{})
	require.NoError(t, err)
	pass(t, w, time.Second)
	s, _, err := server.Accept(listener)
	require.NoError(t, err)

	sent := 0
	for err == nil { // the window and the buffer are full: some bytes wait
		var n int
		n, err = client.Write(c, make([]byte, 10_000))
		sent += n
		pass(t, w, time.Second)
	}
	require.ErrorIs(t, err, poller.ErrWouldBlock)
	require.NoError(t, client.CloseWrite(c))
	w.Link(a, b).Cut()
	require.NoError(t, client.Abort(c))
	pass(t, w, time.Minute)
	w.Link(a, b).Heal()

	received := 0
	for err = nil; err == nil; {
		var n int
		n, err = server.Read(s, make([]byte, 1000))
		received += n
		pass(t, w, time.Second)
	}
	require.Less(t, received, sent, "some bytes are lost with the connection")
	require.ErrorIs(t, err, poller.ErrWouldBlock, "nobody has said that this is the end")
}

// Seed 7413: a Unix connection that was reset had forgotten its peer.
func TestUnixConnectionThatWasResetKnowsItsPeer(t *testing.T) {
	system := newWorld(t, sim.Config{}).Host("host").OS()
	at := poller.Addr{Path: "/run/socket"}
	listener, err := system.Listen(at, poller.ListenOptions{})
	require.NoError(t, err)
	c, err := system.Connect(at, poller.SocketOptions{})
	require.NoError(t, err)
	s, _, err := system.Accept(listener)
	require.NoError(t, err)
	_, err = system.Write(c, []byte("unread"))
	require.NoError(t, err)
	require.NoError(t, system.CloseFD(s))
	peer, err := system.PeerAddr(c)
	require.NoError(t, err)
	require.Equal(t, at, peer)
	_, err = system.Read(c, make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// Seed 23803: a box on the way had reset the connection, but the FIN of an end
// that was closed already still came, took what was unread away, and was read as
// an end in order.
func TestNoEndOfStreamComesBehindAResetOfTheLink(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	server, client := b.OS(), a.OS()
	listener, err := server.Listen(udp("0.0.0.0:7"), poller.ListenOptions{})
	require.NoError(t, err)
	c, err := client.Connect(udp("10.0.0.2:7"), poller.SocketOptions{})
	require.NoError(t, err)
	pass(t, w, time.Second)
	s, _, err := server.Accept(listener)
	require.NoError(t, err)
	_, err = server.Write(s, []byte("unread"))
	require.NoError(t, err)
	pass(t, w, time.Second)
	_, err = server.Write(s, []byte(" and on its way"))
	require.NoError(t, err)
	require.NoError(t, server.CloseFD(s))
	w.Link(a, b).Reset()
	pass(t, w, time.Second)

	p := make([]byte, 100)
	n, err := client.Read(c, p)
	require.NoError(t, err)
	require.Equal(t, "unread", string(p[:n]))
	_, err = client.Read(c, p)
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

// Seed 56540: bytes for one who had called CloseRead waited for room in a full
// buffer, although they are dropped, and so need none: both ends of a connection
// did it, and wrote for ever.
func TestBytesForOneWhoCalledCloseReadNeedNoRoom(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	server, client := b.OS(), a.OS()
	listener, err := server.Listen(udp("0.0.0.0:7"), poller.ListenOptions{})
	require.NoError(t, err)
	c, err := client.Connect(udp("10.0.0.2:7"), poller.SocketOptions{})
	require.NoError(t, err)
	pass(t, w, time.Second)
	s, _, err := server.Accept(listener)
	require.NoError(t, err)
	for err == nil {
		_, err = client.Write(c, make([]byte, 10_000))
		pass(t, w, time.Second)
	}
	require.ErrorIs(t, err, poller.ErrWouldBlock)
	require.NoError(t, server.CloseRead(s))
	for range 10 {
		pass(t, w, time.Second)
		_, err = client.Write(c, make([]byte, 10_000))
		require.NoError(t, err)
	}
	n, err := server.Read(s, make([]byte, 1))
	require.NoError(t, err, "what was there can still be read")
	require.Equal(t, 1, n)
}
