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
