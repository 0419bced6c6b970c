package sim_test

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// rain sends numbered datagrams, a millisecond apart, and returns the numbers in
// the order in which they came.
func rain(t *testing.T, w *sim.World, from, to *sim.Host, n int) (arrived []int) {
	t.Helper()
	server := bound(t, to, udp("0.0.0.0:7"), poller.PacketOptions{ReceiveBuffer: 64 << 20})
	client := connected(t, from, server.at)
	for i := range n {
		client.send(poller.Addr{}, fmt.Sprint(i))
		pass(t, w, time.Millisecond)
	}
	pass(t, w, time.Second)
	got, err := server.got()
	require.NoError(t, err)
	for _, payload := range got {
		number := 0
		_, err := fmt.Sscan(payload, &number)
		require.NoError(t, err)
		arrived = append(arrived, number)
	}
	return arrived
}

func TestNoDatagramIsLostWithoutADial(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{Dials: sim.Freedoms(), Link: sim.Conditions{Latency: time.Millisecond, Jitter: 10 * time.Millisecond}})
	arrived := rain(t, w, a, b, 3000)
	require.Len(t, arrived, 3000)
	require.True(t, slices.IsSorted(arrived))
}

// How often the dials do what they say: with their seed, these numbers are fixed.
func TestDatagramDialsDoWhatTheySay(t *testing.T) {
	const n = 5000
	for name, turn := range map[string]func(w *sim.World, a, b *sim.Host, p float64){
		"of the world": func(w *sim.World, _, _ *sim.Host, p float64) {
			w.SetDials(sim.Dials{DatagramLoss: p, DatagramDuplicates: p, DatagramReorder: p})
		},
		"of the sender": func(_ *sim.World, a, _ *sim.Host, p float64) {
			a.SetDials(sim.Dials{DatagramLoss: p, DatagramDuplicates: p, DatagramReorder: p})
		},
		"of the link": func(w *sim.World, a, b *sim.Host, p float64) {
			w.Link(a, b).SetFrom(a, sim.Conditions{Latency: time.Millisecond, DatagramLoss: p, DatagramDuplicates: p, DatagramReorder: p})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, a, b := twoHosts(t, sim.Config{Seed: 5})
			turn(w, a, b, 0.1)
			arrived := rain(t, w, a, b, n)
			counts := a.Datagrams()
			require.InDelta(t, 0.1, float64(counts.Lost)/float64(counts.Sent+counts.Duplicated), 0.02, "lost")
			require.InDelta(t, 0.1, float64(counts.Duplicated)/n, 0.02, "twice")
			require.InDelta(t, 0.1, float64(counts.Reordered)/float64(counts.Sent+counts.Duplicated), 0.02, "out of order")
			require.Len(t, arrived, int(counts.Sent+counts.Duplicated-counts.Lost))

			overtaken, newest, times := 0, -1, map[int]int{}
			for _, i := range arrived {
				if i < newest {
					overtaken++
				}
				newest = max(newest, i)
				times[i]++
				require.LessOrEqual(t, times[i], 2, "number %d", i)
			}
			require.Greater(t, overtaken, n/25, "overtaken by later ones")
		})
	}
}

func TestDatagramDialsTurnByScript(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	w.At(1000*time.Millisecond, func() { a.SetDials(sim.Dials{DatagramLoss: 1}) })
	w.At(2000*time.Millisecond, func() { a.SetDials(sim.Dials{}) })
	arrived := rain(t, w, a, b, 3000)
	require.InDelta(t, 2000, len(arrived), 2)
	require.Contains(t, arrived, 900)
	require.NotContains(t, arrived, 1500)
	require.Contains(t, arrived, 2500)
}

func TestDatagramsOfOneSeedAreOneTrace(t *testing.T) {
	hash := func(seed uint64) uint64 {
		w, a, b := twoHosts(t, sim.Config{Seed: seed, Dials: sim.Dials{DatagramLoss: 0.2, DatagramDuplicates: 0.2, DatagramReorder: 0.2},
			Link: sim.Conditions{Jitter: 3 * time.Millisecond}})
		rain(t, w, a, b, 300)
		return w.TraceHash()
	}
	require.Equal(t, hash(1), hash(1))
	require.NotEqual(t, hash(1), hash(2))
}

func TestMulticastReachesTheMembersOfEveryHost(t *testing.T) {
	for _, at := range []string{"239.1.2.3:7", "[ff02::77]:7"} {
		w, a, b := twoHosts(t, sim.Config{})
		c := w.Host("c", "10.0.0.3", "fd00::3")
		group := udp(at)
		any := udp("0.0.0.0:7")
		if group.Addr().Is6() {
			any = udp("[::]:7")
		}
		o := poller.PacketOptions{ReuseAddress: true}
		self, two, too, stranger := bound(t, a, any, o), bound(t, b, any, o), bound(t, b, any, o), bound(t, c, any, o)
		for _, p := range []*post{self, two, too} {
			require.NoError(t, p.os.JoinGroup(p.fd, group.Addr(), 0))
		}
		require.ErrorIs(t, two.os.JoinGroup(two.fd, group.Addr(), 0), syscall.EADDRINUSE)
		self.send(group, "all")
		pass(t, w, time.Second)
		for _, p := range []*post{self, two, too} {
			p.gets("all")
		}
		stranger.gets()

		require.NoError(t, two.os.LeaveGroup(two.fd, group.Addr(), 0))
		require.ErrorIs(t, two.os.LeaveGroup(two.fd, group.Addr(), 0), syscall.EADDRNOTAVAIL)
		require.ErrorIs(t, two.os.JoinGroup(two.fd, netip.MustParseAddr("10.0.0.9"), 0), syscall.EINVAL)
		w.Partition(a)
		self.send(group, "here")
		pass(t, w, time.Second)
		self.gets("here")
		too.gets()
	}
}

func TestMulticastOptionsSayHowFarItGoes(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	group := udp("239.1.2.3:7")
	here, there := bound(t, a, udp("0.0.0.0:7"), poller.PacketOptions{}), bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{})
	for _, p := range []*post{here, there} {
		require.NoError(t, p.os.JoinGroup(p.fd, group.Addr(), 0))
	}
	sender := bound(t, a, udp(""), poller.PacketOptions{})
	for _, c := range []struct {
		option      poller.Option
		value       int
		here, there []string
	}{
		{poller.MulticastTTL, 0, []string{"x"}, nil},
		{poller.MulticastTTL, 1, []string{"x"}, []string{"x"}},
		{poller.MulticastLoopback, 0, nil, []string{"x"}},
		{poller.MulticastInterface, 1, nil, nil}, // its loopback, where nobody has joined
	} {
		require.NoError(t, sender.os.SetOption(sender.fd, c.option, c.value))
		sender.send(group, "x")
		pass(t, w, time.Second)
		here.gets(c.here...)
		there.gets(c.there...)
	}
}
