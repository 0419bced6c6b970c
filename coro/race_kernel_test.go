package coro

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// familyResolver answers each family in its own way; nil has no addresses.
type familyResolver map[string]func(ctx context.Context) ([]netip.Addr, error)

func (r familyResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if find := r[network]; find != nil {
		return find(ctx)
	}
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func found(addr string) func(context.Context) ([]netip.Addr, error) {
	return func(context.Context) ([]netip.Addr, error) { return []netip.Addr{netip.MustParseAddr(addr)}, nil }
}

// neverFound tells on ended when nobody wants its answer any more.
func neverFound(ended chan<- struct{}) func(context.Context) ([]netip.Addr, error) {
	return func(ctx context.Context) ([]netip.Addr, error) {
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	}
}

// The race on real sockets, with this machine's two addresses.
func TestDialRacesOnRealSockets(t *testing.T) {
	if ln, err := net.Listen("tcp6", "[::1]:0"); err != nil {
		t.Skipf("this machine has no IPv6 loopback: %v", err)
	} else {
		ln.Close()
	}
	onTCP(t, func(t *testing.T, e *env) {
		listen := func(t *testing.T, ctx context.Context, address string) (ln *Listener, port string) {
			ln, err := Listen(ctx, "tcp", address)
			require.NoError(t, err)
			_, port, err = net.SplitHostPort(ln.Addr().String())
			require.NoError(t, err)
			return ln, port
		}
		t.Run("IPv6 is refused, IPv4 connects", func(t *testing.T) {
			e.try(func(ctx context.Context) {
				ln, port := listen(t, ctx, "127.0.0.1:0")
				before := openDescriptors()
				d := Dialer{Resolver: familyResolver{"ip4": found("127.0.0.1"), "ip6": found("::1")}}
				c, err := d.Dial(ctx, "tcp", "two.invalid:"+port)
				require.NoError(t, err)
				require.Equal(t, ln.Addr().String(), c.RemoteAddr().String())
				require.NoError(t, c.Close())
				require.Equal(t, before, openDescriptors())
			})
		})
		t.Run("both connect: IPv6", func(t *testing.T) {
			e.try(func(ctx context.Context) {
				_, port := listen(t, ctx, "[::]:0")
				d := Dialer{Resolver: familyResolver{"ip4": found("127.0.0.1"), "ip6": found("::1")}}
				c, err := d.Dial(ctx, "tcp", "two.invalid:"+port)
				require.NoError(t, err)
				require.Equal(t, "[::1]:"+port, c.RemoteAddr().String())
			})
		})
		t.Run("AAAA never comes, and is told that nobody waits", func(t *testing.T) {
			e.try(func(ctx context.Context) {
				ln, port := listen(t, ctx, "127.0.0.1:0")
				ended := make(chan struct{})
				d := Dialer{Resolver: familyResolver{"ip4": found("127.0.0.1"), "ip6": neverFound(ended)}}
				c, err := d.Dial(ctx, "tcp", "one.invalid:"+port)
				require.NoError(t, err)
				require.Equal(t, ln.Addr().String(), c.RemoteAddr().String())
				wait(t, ended, "the end of the lookup")
			})
		})
		t.Run("both are refused", func(t *testing.T) {
			e.try(func(ctx context.Context) {
				ln, port := listen(t, ctx, "127.0.0.1:0")
				require.NoError(t, ln.Close())
				before := openDescriptors()
				d := Dialer{Resolver: familyResolver{"ip4": found("127.0.0.1"), "ip6": found("::1")}}
				_, err := d.Dial(ctx, "tcp", "two.invalid:"+port)
				require.ErrorIs(t, err, syscall.ECONNREFUSED)
				require.ErrorContains(t, err, "[::1]:"+port, "the error of the first address")
				require.Equal(t, before, openDescriptors())
			})
		})
		t.Run("a resolver that panics", func(t *testing.T) {
			err := e.run(func(ctx context.Context) error {
				ended := make(chan struct{})
				d := Dialer{Resolver: familyResolver{
					"ip6": func(context.Context) ([]netip.Addr, error) { panic("resolver") }, "ip4": neverFound(ended),
				}}
				defer wait(t, ended, "the end of the other lookup")
				_, err := d.Dial(ctx, "tcp", "none.invalid:1")
				return err
			})
			var panicked *PanicError
			require.ErrorAs(t, err, &panicked)
			require.Equal(t, "resolver", panicked.Value)
		})
	})
}

// With one address there is nothing to pay: a dial allocates what its connection
// takes.
func TestDialOfOneAddressStartsNothing(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		e.try(func(ctx context.Context) {
			ln := e.listen(ctx)
			before := LookupWorkers().Stats().Done
			allocated := testing.AllocsPerRun(50, func() {
				c := e.dial(ctx, ln)
				accepted, err := ln.AcceptConn()
				require.NoError(t, err)
				require.NoError(t, c.Close())
				require.NoError(t, accepted.Close())
			})
			require.Equal(t, before, LookupWorkers().Stats().Done)
			if !raceEnabled && hasFastIdentity { // otherwise finding out who calls allocates
				require.LessOrEqual(t, allocated, 15.0, "allocations of a dial, an accept, and the address in text")
			}
		})
	})
}
