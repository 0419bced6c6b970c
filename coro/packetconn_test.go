package coro

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPacketConnTalksToPackageNet(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		peer := e.packetPeer()
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			_, err := peer.WriteTo([]byte("question"), c.LocalAddr())
			require.NoError(t, err)
			buf := make([]byte, 100)
			n, from, err := c.ReadFrom(buf)
			require.NoError(t, err)
			require.Equal(t, "question", string(buf[:n]))
			require.Equal(t, peer.LocalAddr().String(), from.String())
			require.IsType(t, peer.LocalAddr(), from)
			n, err = c.WriteTo([]byte("answer"), from)
			require.NoError(t, err)
			require.Equal(t, 6, n)
			n, from, err = peer.ReadFrom(buf)
			require.NoError(t, err)
			require.Equal(t, "answer", string(buf[:n]))
			require.Equal(t, c.LocalAddr().String(), from.String())
		})
	})
}

func TestPacketConnIsANetConnWhenConnected(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			var client net.Conn = e.packetTo(ctx, server.LocalAddr())
			require.Equal(t, server.LocalAddr(), client.RemoteAddr())
			n, err := client.Write([]byte("question"))
			require.NoError(t, err)
			require.Equal(t, 8, n)
			buf := make([]byte, 100)
			_, from, err := server.ReadFrom(buf)
			require.NoError(t, err)
			require.Equal(t, client.LocalAddr(), from)
			_, err = server.WriteTo([]byte("answer"), from)
			require.NoError(t, err)
			n, err = client.Read(buf)
			require.NoError(t, err)
			require.Equal(t, "answer", string(buf[:n]))

			_, err = client.(*PacketConn).WriteTo([]byte("x"), from)
			require.ErrorIs(t, err, net.ErrWriteToConnected)
			_, err = client.(*PacketConn).WriteBatch([]Message{{Peer: server.local}})
			require.ErrorIs(t, err, net.ErrWriteToConnected)
			require.Nil(t, server.RemoteAddr(), "RemoteAddr of a socket that is not connected")
			_, err = server.Write([]byte("x"))
			require.Error(t, err, "Write to nobody")
		})
	})
}

func TestPacketConnReadsAddrPorts(t *testing.T) {
	onNetworks(t, []string{"udp"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			both, err := ListenPacket(ctx, "udp", ":0")
			require.NoError(t, err)
			port := both.local.Port()
			for _, ip := range []string{"127.0.0.1", "::1"} {
				to := netip.AddrPortFrom(netip.MustParseAddr(ip), port)
				client, err := ListenPacket(ctx, "udp", net.JoinHostPort(ip, "0"))
				if err != nil && ip == "::1" {
					continue // no IPv6 here
				}
				require.NoError(t, err)
				_, err = client.WriteToUDPAddrPort([]byte("question"), to)
				require.NoError(t, err)
				buf := make([]byte, 10)
				n, from, err := both.ReadFromUDPAddrPort(buf)
				require.NoError(t, err)
				require.Equal(t, client.local.AddrPort, from)
				_, err = both.WriteToUDPAddrPort(buf[:n], from)
				require.NoError(t, err)
				n, from, err = client.ReadFromUDPAddrPort(buf)
				require.NoError(t, err)
				require.Equal(t, "question", string(buf[:n]))
				require.Equal(t, to, from)
			}
			_, err = both.WriteToUDPAddrPort(nil, netip.AddrPort{})
			require.ErrorIs(t, err, syscall.EINVAL)
		})
	})
}

func TestPacketConnWithoutAnAddressIsThisMachine(t *testing.T) {
	onNetworks(t, append(withIPv6("udp"), "udp4"), func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c, err := ListenPacket(ctx, e.network, ":0")
			require.NoError(t, err)
			_, err = c.WriteTo([]byte("x"), &net.UDPAddr{Port: int(c.local.Port())})
			require.NoError(t, err)
			_, _, err = c.ReadFrom(make([]byte, 1))
			require.NoError(t, err)
			client, err := DialPacket(ctx, e.network, c.LocalAddr().String())
			require.NoError(t, err)
			_, err = client.Write([]byte("x"))
			require.NoError(t, err)
			_, _, err = c.ReadFrom(make([]byte, 1))
			require.NoError(t, err)
		})
	})
}

func TestPacketConnRefusesAddressesOfOthers(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			wrong := net.Addr(&net.UnixAddr{Name: "/x", Net: "unixgram"})
			if e.network == "unixgram" {
				wrong = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}
			}
			for _, to := range []net.Addr{nil, wrong, &net.TCPAddr{}, (*net.UDPAddr)(nil), (*net.UnixAddr)(nil)} {
				_, err := c.WriteTo([]byte("x"), to)
				require.ErrorIs(t, err, syscall.EINVAL, "WriteTo %T", to)
			}
		})
	})
}

// A port that is cut to 16 bits is somebody else's, and an address of no family must
// not pass for none at all, which on a connected socket is its peer.
func TestPacketConnRefusesAddressesThatAreNone(t *testing.T) {
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			ip, port := net.IPv4(127, 0, 0, 1), int(server.local.Port())
			for _, to := range []*net.UDPAddr{
				{IP: ip, Port: port + 1<<16}, {IP: ip, Port: port - 1<<16}, {Port: port + 1<<16},
				{IP: net.IP{1, 2, 3}}, {IP: net.IP{1, 2, 3}, Port: port},
			} {
				for _, c := range []*PacketConn{server, client} {
					_, err := c.WriteTo([]byte("x"), to)
					require.ErrorIs(t, err, syscall.EINVAL, "WriteTo %v", to)
				}
			}
			require.Zero(t, server.Stats().Sent+client.Stats().Sent)
		})
	})
}

func TestEmptyDatagramIsNotTheEnd(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			for _, text := range []string{"", "", "x"} {
				n, err := client.Write([]byte(text))
				require.NoError(t, err)
				require.Equal(t, len(text), n)
			}
			for _, text := range []string{"", "", "x"} {
				n, from, err := server.ReadFrom(make([]byte, 10))
				require.NoError(t, err)
				require.Equal(t, len(text), n)
				require.Equal(t, client.LocalAddr(), from)
			}
		})
	})
}

func TestTruncatedDatagramIsReported(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			for range 2 {
				_, err := client.Write([]byte("12345"))
				require.NoError(t, err)
			}
			into := messages(1, 3)
			n, err := server.ReadBatch(into)
			require.NoError(t, err)
			require.Equal(t, 1, n)
			require.True(t, into[0].Truncated)
			require.Equal(t, 3, into[0].N)
			n, _, err = server.ReadFrom(make([]byte, 3))
			require.NoError(t, err, "ReadFrom of one that is truncated, as in package net")
			require.Equal(t, 3, n)
			require.Equal(t, uint64(2), server.Stats().Truncated)
		})
	})
}

func TestDatagramTooLargeIsEMSGSIZE(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			_, err := client.Write(make([]byte, 10<<20))
			require.ErrorIs(t, err, syscall.EMSGSIZE)
			var failed *net.OpError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, "write", failed.Op)
			require.Equal(t, e.network, failed.Net)
			require.Equal(t, client.LocalAddr(), failed.Source)
			require.Equal(t, server.LocalAddr(), failed.Addr)
			_, err = client.Write([]byte("x"))
			require.NoError(t, err, "a small one after it")
			n, err := server.Read(make([]byte, 10))
			require.NoError(t, err)
			require.Equal(t, 1, n)
		})
	})
}

func TestRefusedDatagramDoesNotEndTheSocket(t *testing.T) {
	onNetworks(t, append(withIPv6("udp6"), "udp4"), func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client := e.packetTo(ctx, server.LocalAddr())
			require.NoError(t, server.Close())
			for range 2 {
				_, err := client.Write([]byte("to nobody"))
				require.NoError(t, err)
				_, err = client.Read(make([]byte, 10)) // waits for the network's word
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
			}
			server, err := ListenPacket(ctx, e.network, server.LocalAddr().String())
			require.NoError(t, err)
			_, err = client.Write([]byte("question"))
			require.NoError(t, err)
			buf := make([]byte, 10)
			n, from, err := server.ReadFrom(buf)
			require.NoError(t, err)
			_, err = server.WriteTo(buf[:n], from)
			require.NoError(t, err)
			n, err = client.Read(buf)
			require.NoError(t, err)
			require.Equal(t, "question", string(buf[:n]))
		})
	})
}

func TestLostDatagramDoesNotEndTheSocket(t *testing.T) {
	onRealPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			e.os.sendError = os.NewSyscallError("sendmmsg", syscall.ENOBUFS)
			_, err := c.WriteTo([]byte("lost"), c.LocalAddr())
			require.ErrorIs(t, err, syscall.ENOBUFS)
			_, err = c.WriteTo([]byte("sent"), c.LocalAddr())
			require.NoError(t, err)
			buf := make([]byte, 10)
			n, err := c.Read(buf)
			require.NoError(t, err)
			require.Equal(t, "sent", string(buf[:n]))
		})
	})
}

func TestUnixSocketPathIsRemoved(t *testing.T) {
	onNetworks(t, []string{"unixgram"}, func(t *testing.T, e *env) {
		paths := []string{e.packetAddress(), e.packetAddress(), e.packetAddress()}
		e.try(func(ctx context.Context) {
			closed, err := ListenPacket(ctx, e.network, paths[0])
			require.NoError(t, err)
			_, err = ListenPacket(ctx, e.network, paths[0])
			require.ErrorContains(t, err, "path is in use")
			server, err := ListenPacket(ctx, e.network, paths[1])
			require.NoError(t, err)
			_, err = PacketConfig{Local: paths[2]}.DialPacket(ctx, e.network, server.LocalAddr().String())
			require.NoError(t, err)
			for _, path := range paths {
				require.FileExists(t, path)
			}
			require.NoError(t, closed.Close())
			require.NoFileExists(t, paths[0], "after Close")
		})
		for _, path := range paths {
			require.NoFileExists(t, path, "after Run")
		}
	})
}

func TestUnixSocketWithoutANameIsNobody(t *testing.T) {
	onNetworks(t, []string{"unixgram"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			client, err := DialPacket(ctx, e.network, server.LocalAddr().String())
			require.NoError(t, err)
			_, err = client.Write([]byte("x"))
			require.NoError(t, err)
			_, from, err := server.ReadFrom(make([]byte, 1))
			require.NoError(t, err)
			require.Nil(t, from, "the address of a socket without one")
		})
	})
}

func TestDialPacketResolvesNames(t *testing.T) {
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			server := e.packet(ctx)
			_, port, err := net.SplitHostPort(server.LocalAddr().String())
			require.NoError(t, err)
			c, err := Dialer{Timeout: stuck}.DialContext(ctx, "udp4", "localhost:"+port)
			require.NoError(t, err)
			require.IsType(t, &PacketConn{}, c)
			_, err = c.Write([]byte("x"))
			require.NoError(t, err)
			_, _, err = server.ReadFrom(make([]byte, 1))
			require.NoError(t, err)

			_, err = DialPacket(ctx, "udp", "127.0.0.1:no-such-service")
			require.Error(t, err)
			for _, network := range []string{"tcp", "unix", "udp5"} {
				_, err = DialPacket(ctx, network, "127.0.0.1:1")
				require.ErrorAs(t, err, new(net.UnknownNetworkError), network)
				_, err = ListenPacket(ctx, network, "127.0.0.1:0")
				require.ErrorAs(t, err, new(net.UnknownNetworkError), network)
			}
			_, err = ListenPacket(ctx, "udp", "example.org:0")
			require.ErrorAs(t, err, new(*net.AddrError))
			c, err = Dialer{}.DialContext(ctx, "tcp", "127.0.0.1:1")
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
			require.Nil(t, c)
		})
	})
	_, err := ListenPacket(context.Background(), "udp", ":0")
	require.ErrorIs(t, err, ErrNoLoop)
}

func TestPacketConnShowsWhatItsTaskWaitsFor(t *testing.T) {
	onPackets(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			c := e.packet(ctx)
			require.NoError(t, WithScope(ctx, func(s *Scope) error {
				read := background(t, s, func(context.Context) (int, error) { return c.Read(make([]byte, 1)) })
				settle(t, ctx)
				var text strings.Builder
				require.NoError(t, Dump(&text))
				require.Contains(t, text.String(), c.LocalAddr().String(), "where the reading task waits")
				require.NoError(t, c.SetReadDeadline(time.Unix(1, 0)))
				_, err := read.wait(ctx)
				require.True(t, errors.Is(err, os.ErrDeadlineExceeded), "got %v", err)
				return nil
			}))
		})
	})
}
