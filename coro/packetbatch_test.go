package coro

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestPacketBatchIsOneCall(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server, client := e.packet(ctx), e.packet(ctx)
			const n = 8 // a Unix socket's queue has room for ten or so
			out := make([]Message, n)
			for i := range out {
				out[i] = Message{Payload: fmt.Append(nil, i), Peer: server.local}
			}
			require.NoError(t, Yield(ctx))
			sent, err := client.WriteBatch(out)
			require.NoError(t, err)
			require.Equal(t, n, sent)
			require.Equal(t, 1, e.os.sends, "system calls that sent %d datagrams", n)

			into := messages(n+1, 10)
			got, err := server.ReadBatch(into) // waits for the event
			require.NoError(t, err)
			require.Equal(t, n, got)
			require.Equal(t, 1, e.os.receives, "system calls that received %d datagrams", n)
			for i := range got {
				require.Equal(t, fmt.Sprint(i), string(into[i].Payload[:into[i].N]))
				require.Equal(t, client.local, into[i].Peer)
			}
			require.Equal(t, PacketStats{Sent: n, Sends: 1}, client.Stats())
			require.Equal(t, PacketStats{Received: n, Receives: 1}, server.Stats())

			require.NoError(t, server.SetReadDeadline(time.Now().Add(time.Millisecond)))
			_, err = server.ReadBatch(into)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.Equal(t, 1, e.os.receives, "system calls: a short batch has drained the socket")
		})
	})
}

func TestPacketBatchTakesWhatThereIs(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				read := background(t, s, func(context.Context) (int, error) { return server.ReadBatch(messages(5, 10)) })
				settle(t, ctx)
				_, err := client.Write([]byte("x"))
				require.NoError(t, err)
				n, err := read.wait(ctx)
				require.Equal(t, 1, n, "datagrams of a batch that has waited for one")
				return err
			}))
			for _, empty := range [][]Message{nil, {}} {
				n, err := server.ReadBatch(empty)
				require.NoError(t, err)
				require.Zero(t, n)
				n, err = client.WriteBatch(empty)
				require.NoError(t, err)
				require.Zero(t, n)
			}
			if e.network == "unixgram" { // has no room for more
				return
			}
			many := messages(2*poller.MaxDatagrams, 1)
			n, err := client.WriteBatch(many)
			require.NoError(t, err)
			require.Equal(t, poller.MaxDatagrams, n)
			n, err = server.ReadBatch(many)
			require.NoError(t, err)
			require.Equal(t, poller.MaxDatagrams, n)
		})
	})
}

func TestPacketBatchStopsAtTheFirstThatFails(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			out := []Message{{Payload: []byte("1")}, {Payload: make([]byte, 10<<20)}, {Payload: []byte("3")}}
			sent := 0
			var err error
			for err == nil {
				var n int
				n, err = client.WriteBatch(out[sent:])
				sent += n
			}
			require.ErrorIs(t, err, syscall.EMSGSIZE)
			require.Equal(t, 1, sent)
			_, err = client.WriteBatch(out[2:])
			require.NoError(t, err)
			into := messages(3, 10)
			for got := 0; got < 2; {
				n, err := server.ReadBatch(into[got:])
				require.NoError(t, err)
				got += n
			}
			require.Equal(t, "1", string(into[0].Payload[:into[0].N]))
			require.Equal(t, "3", string(into[1].Payload[:into[1].N]))
		})
	})
}

func TestDatagramsDoNotAllocate(t *testing.T) {
	if raceEnabled || !hasFastIdentity {
		t.Skip("the race detector allocates, and so does identity where there is no assembly for it")
	}
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			require.NoError(t, c.SetDeadline(time.Now().Add(time.Hour)))
			buf, self := make([]byte, 100), c.local.AddrPort
			batch := messages(8, 100)
			for i := range batch {
				batch[i].Peer = c.local
			}
			for name, operation := range map[string]func() error{
				"a single datagram": func() error {
					if _, err := c.WriteToUDPAddrPort(buf, self); err != nil {
						return err
					}
					_, _, err := c.ReadFromUDPAddrPort(buf)
					return err
				},
				"a batch": func() error {
					if _, err := c.WriteBatch(batch); err != nil {
						return err
					}
					_, err := c.ReadBatch(batch)
					return err
				},
			} {
				var failed error
				allocs := testing.AllocsPerRun(200, func() {
					if err := operation(); err != nil {
						failed = err
					}
				})
				require.NoError(t, failed, name)
				require.Zero(t, allocs, "allocations of %s, sent and received", name)
			}
		})
	})
}

func TestPacketConnJoinsGroups(t *testing.T) {
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		loopback, ok := loopbackInterface(t)
		if !ok {
			t.Skip("this machine has no loopback interface")
		}
		group := netip.MustParseAddr("239.255.119.110")
		e.try(func(ctx context.Context) {
			shared := PacketConfig{Options: poller.PacketOptions{ReuseAddress: true}}
			first, err := shared.ListenPacket(ctx, "udp4", ":0")
			require.NoError(t, err)
			_, port, err := net.SplitHostPort(first.LocalAddr().String())
			require.NoError(t, err)
			second, err := shared.ListenPacket(ctx, "udp4", ":"+port)
			require.NoError(t, err)
			sender := e.packet(ctx)
			require.NoError(t, sender.SetMulticastInterface(loopback))
			require.NoError(t, sender.SetMulticastTTL(0))
			require.NoError(t, sender.SetMulticastLoopback(true))
			to := netip.AddrPortFrom(group, first.local.Port())
			for _, c := range []*PacketConn{first, second} {
				require.NoError(t, c.JoinGroup(loopback, group))
				require.ErrorIs(t, c.JoinGroup(loopback, group), syscall.EADDRINUSE)
			}
			_, err = sender.WriteToUDPAddrPort([]byte("to all"), to)
			require.NoError(t, err)
			buf := make([]byte, 10)
			for _, c := range []*PacketConn{first, second} {
				n, from, err := c.ReadFromUDPAddrPort(buf)
				require.NoError(t, err)
				require.Equal(t, "to all", string(buf[:n]))
				require.Equal(t, sender.local.Port(), from.Port())
				require.NoError(t, c.LeaveGroup(loopback, group))
				require.ErrorIs(t, c.LeaveGroup(loopback, group), syscall.EADDRNOTAVAIL)
			}
			require.ErrorIs(t, first.JoinGroup(&net.Interface{Index: 99_999}, group), syscall.ENODEV)
		})
	})
}

func loopbackInterface(t *testing.T) (*net.Interface, bool) {
	all, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range all {
		if i.Flags&net.FlagLoopback != 0 {
			return &i, true
		}
	}
	return nil, false
}
