package coro

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDialPacketAsksItsResolverForBothFamilies(t *testing.T) {
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			dial := func(network string, r familyResolver) (net.Addr, error) {
				c, err := PacketConfig{Resolver: r}.DialPacket(ctx, network, "host.test:9")
				if err != nil {
					return nil, err
				}
				defer c.Close()
				return c.RemoteAddr(), nil
			}
			to, err := dial("udp", familyResolver{"ip4": found("127.0.0.1")})
			require.NoError(t, err)
			require.Equal(t, "127.0.0.1:9", to.String())
			if noRoute, err := dial("udp", familyResolver{"ip6": found("2001:db8::1"), "ip4": found("127.0.0.1")}); err == nil {
				require.Contains(t, []string{"[2001:db8::1]:9", "127.0.0.1:9"}, noRoute.String(), "the first that this machine has a way to")
			}
			_, err = dial("udp4", familyResolver{"ip6": found("::1")})
			require.ErrorAs(t, err, new(*net.DNSError), "only IPv4 was asked for")
			_, err = dial("udp", familyResolver{})
			require.ErrorAs(t, err, new(*net.DNSError))
			_, err = dial("udp", familyResolver{"ip4": func(context.Context) ([]netip.Addr, error) { return nil, nil }})
			require.ErrorAs(t, err, new(*net.DNSError))
		})
	})
}

func TestDialPacketIsCancelledWhileItResolves(t *testing.T) {
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ended := make(chan struct{})
			asked := make(chan struct{})
			ctx, cancel := context.WithCancel(ctx)
			r := familyResolver{"ip4": func(ctx context.Context) ([]netip.Addr, error) {
				close(asked)
				return neverFound(ended)(ctx)
			}}
			go func() {
				<-asked
				cancel()
			}()
			_, err := PacketConfig{Resolver: r}.DialPacket(ctx, "udp4", "host.test:9")
			require.ErrorIs(t, err, context.Canceled)
			<-ended
		})
	})
}

// A name does not turn a datagram's network into a stream's.
func TestDialRefusesDatagrams(t *testing.T) {
	onNetworks(t, []string{"udp4"}, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			for _, address := range []string{"127.0.0.1:1", "host.test:1"} {
				_, err := Dial(ctx, "udp", address)
				require.ErrorAs(t, err, new(net.UnknownNetworkError), address)
				_, err = DialPacket(ctx, "tcp", address)
				require.ErrorAs(t, err, new(net.UnknownNetworkError), address)
			}
		})
	})
}
