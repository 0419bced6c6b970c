package sim_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

func TestDatagramTakesTheLinksLatency(t *testing.T) {
	for _, family := range []string{"10.0.0.2:7", "[fd00::2]:7"} {
		w, a, b := twoHosts(t, sim.Config{})
		server := bound(t, b, udp(family), poller.PacketOptions{})
		client := connected(t, a, udp(family))
		client.send(poller.Addr{}, "one", "", "three")
		pass(t, w, 4*time.Millisecond)
		server.gets()
		pass(t, w, time.Millisecond)
		server.gets("one", "", "three")
		server.send(client.at, "answer")
		pass(t, w, 5*time.Millisecond)
		client.gets("answer")
	}
}

func TestDatagramsOfALinkKeepTheirOrderInSpiteOfJitter(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{Link: sim.Conditions{Latency: time.Millisecond, Jitter: 50 * time.Millisecond}})
	server := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{})
	client := connected(t, a, server.at)
	var sent []string
	for i := range 100 {
		sent = append(sent, fmt.Sprint(i))
	}
	client.send(poller.Addr{}, sent...)
	pass(t, w, time.Second)
	server.gets(sent...)
}

func TestDatagramsWaitForTheBandwidth(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{Link: sim.Conditions{Bandwidth: 100_000}})
	server := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{ReceiveBuffer: 1 << 20})
	client := openPost(t, a, func(os poller.Datagrams) (poller.FD, error) {
		return os.ConnectPacket(poller.Addr{}, server.at, poller.PacketOptions{SendBuffer: 4000})
	})
	require.NoError(t, client.os.Add(client.fd, 1))
	events := make([]poller.Event, 1)
	sent, waited := 0, 0
	for sent < 100 {
		err := client.try(poller.Addr{}, strings.Repeat("x", 1000))
		if err == nil {
			sent++
			continue
		}
		require.ErrorIs(t, err, poller.ErrWouldBlock)
		n, err := client.os.Wait(events, time.Second)
		require.NoError(t, err)
		require.Equal(t, 1, n, "an event comes when there is room")
		waited++
	}
	require.Greater(t, waited, 10, "the send buffer holds four of a hundred")
	pass(t, w, time.Second)
	got, err := server.got()
	require.NoError(t, err)
	require.Len(t, got, 100)
	require.Equal(t, uint64(100), b.Datagrams().Arrived)
}

func TestDatagramToNobodyIsRefusedOnce(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	client := connected(t, a, udp("10.0.0.2:7"))
	client.send(poller.Addr{}, "lost")
	pass(t, w, 10*time.Millisecond)
	_, err := client.got()
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	client.gets()

	server := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{})
	client.send(poller.Addr{}, "heard")
	pass(t, w, 5*time.Millisecond)
	server.gets("heard")
	require.Equal(t, uint64(1), b.Datagrams().Nobody)
}

func TestDatagramToAnAddressThatNoHostHasIsUnreachable(t *testing.T) {
	w, a, _ := twoHosts(t, sim.Config{})
	client := connected(t, a, udp("10.0.0.99:7"))
	client.send(poller.Addr{}, "lost")
	pass(t, w, 4*time.Second)
	require.ErrorIs(t, client.try(poller.Addr{}, "the next"), syscall.EHOSTUNREACH)
	client.send(poller.Addr{}, "goes on", "and is told again")
	pass(t, w, 4*time.Second)
	_, err := client.got()
	require.ErrorIs(t, err, syscall.EHOSTUNREACH)
	client.gets()
}

func TestDatagramsAreLostInAPartitionWithoutAWord(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	server := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{})
	client := connected(t, a, server.at)
	w.Partition(a)
	client.send(poller.Addr{}, "lost")
	pass(t, w, time.Second)
	w.Heal()
	client.send(poller.Addr{}, "heard")
	pass(t, w, time.Second)
	server.gets("heard")
	client.gets()
	require.Equal(t, uint64(1), a.Datagrams().Lost)
}

func TestCrashedHostHearsNothingAndItsNextLifeRefuses(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	server := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{})
	client := connected(t, a, server.at)
	b.Crash()
	client.send(poller.Addr{}, "lost")
	pass(t, w, time.Second)
	client.gets()
	b.Restart()
	client.send(poller.Addr{}, "refused")
	pass(t, w, time.Second)
	_, err := client.got()
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestPausedHostQueuesDatagramsUpToItsBuffer(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	server := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{ReceiveBuffer: 4000})
	client := connected(t, a, server.at)
	b.Pause()
	for range 100 {
		client.send(poller.Addr{}, strings.Repeat("x", 232))
	}
	pass(t, w, time.Second)
	got, err := server.got()
	require.NoError(t, err)
	require.Len(t, got, 9, "8000 bytes, doubled as on Linux, hold eight of 232 with their bookkeeping, and one stands out")
	require.Equal(t, uint64(91), b.Datagrams().NoRoom)
}

func TestConnectedSocketHearsItsPeerAlone(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	everybody := bound(t, b, udp("0.0.0.0:7"), poller.PacketOptions{ReuseAddress: true})
	known, stranger := bound(t, a, udp("0.0.0.0:8"), poller.PacketOptions{}), bound(t, a, udp("0.0.0.0:9"), poller.PacketOptions{})
	session := openPost(t, b, func(os poller.Datagrams) (poller.FD, error) {
		return os.ConnectPacket(udp("0.0.0.0:7"), known.at, poller.PacketOptions{ReuseAddress: true})
	})
	known.send(everybody.at, "mine")
	stranger.send(everybody.at, "anyone's")
	pass(t, w, time.Second)
	session.gets("mine")
	everybody.gets("anyone's")
}

func TestSocketsOfOnePortShareTheSenders(t *testing.T) {
	w, a, b := twoHosts(t, sim.Config{})
	o := poller.PacketOptions{ReusePort: true, ReceiveBuffer: 1 << 20}
	servers := []*post{bound(t, b, udp("0.0.0.0:7"), o), bound(t, b, udp("0.0.0.0:7"), o)}
	for i := range 20 {
		client := connected(t, a, servers[0].at)
		client.send(poller.Addr{}, fmt.Sprint(i), fmt.Sprint(i))
	}
	pass(t, w, time.Second)
	total := 0
	for _, s := range servers {
		got, err := s.got()
		require.NoError(t, err)
		require.NotEmpty(t, got)
		for i := 0; i < len(got); i += 2 {
			require.Equal(t, got[i], got[i+1], "both of one sender come to one socket")
		}
		total += len(got)
	}
	require.Equal(t, 40, total)
}

func TestUnixDatagramsWaitForRoom(t *testing.T) {
	w := newWorld(t, sim.Config{})
	h := w.Host("host")
	at := poller.Addr{Path: "/run/log"}
	server := bound(t, h, at, poller.PacketOptions{ReceiveBuffer: 4000})
	client := connected(t, h, at)
	require.NoError(t, client.os.Add(client.fd, 1))
	events := make([]poller.Event, 1)
	_, err := client.os.Wait(events, 0)
	require.NoError(t, err)
	sent := 0
	for err = nil; err == nil; sent++ {
		err = client.try(poller.Addr{}, "line")
	}
	require.ErrorIs(t, err, poller.ErrWouldBlock)
	n, err := client.os.Wait(events, time.Second)
	require.NoError(t, err)
	require.Zero(t, n, "nobody has received")
	got, err := server.got()
	require.NoError(t, err)
	require.Len(t, got, sent-1, "none is lost")
	n, err = client.os.Wait(events, time.Second)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	client.send(poller.Addr{}, "room")

	require.NoError(t, server.os.CloseFD(server.fd))
	require.ErrorIs(t, client.try(poller.Addr{}, "nobody"), syscall.ECONNREFUSED)
	_, err = client.os.ConnectPacket(poller.Addr{}, poller.Addr{Path: "/run/none"}, poller.PacketOptions{})
	require.ErrorIs(t, err, syscall.ENOENT)
}

func TestFloodThatNeverWaitsIsBounded(t *testing.T) {
	_, a, b := twoHosts(t, sim.Config{Link: sim.Conditions{Latency: time.Second}})
	client := connected(t, a, udp(b.Addr().String()+":7"))
	for range 1000 { // 60 MB, at one moment
		client.send(poller.Addr{}, strings.Repeat("x", 60_000))
	}
	require.Greater(t, a.Datagrams().Lost, uint64(500), "what is too much on the way")
}
