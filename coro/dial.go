package coro

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Dial connects to address, from a task, on its loop. The network is "tcp",
// "tcp4", "tcp6" or "unix". A host name is resolved off the loop; its addresses
// are tried one after the other. Errors: *net.OpError (errors.Is finds
// syscall.ECONNREFUSED, os.ErrDeadlineExceeded, the cause of ctx or of a
// cancelled scope; errors.As finds *net.DNSError), ErrNotTask, ErrNoLoop.
func Dial(ctx context.Context, network, address string) (*Conn, error) {
	return Dialer{}.Dial(ctx, network, address)
}

// Dialer configures dialling. The zero value works.
type Dialer struct {
	// Timeout is how long resolving and connecting may take together; 0 leaves
	// it to ctx and to the kernel, which gives up on an address after about
	// two minutes.
	Timeout time.Duration
	// Options are those of the connection.
	Options poller.SocketOptions
	// Resolver resolves host names; net.DefaultResolver by default.
	Resolver *net.Resolver
}

// Dial is the function Dial with a configuration.
func (d Dialer) Dial(ctx context.Context, network, address string) (*Conn, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	leave, err := t.enter(ctx)
	if err == nil {
		defer leave()
		var c *Conn
		if c, err = d.dial(t, network, address); err == nil {
			return c, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

func (d Dialer) dial(t *task, network, address string) (*Conn, error) {
	var deadline time.Duration // on the loop's clock
	if d.Timeout > 0 {
		deadline = t.loop.reactor.OS().Now() + d.Timeout
	}
	addrs, err := d.resolve(t, network, address, deadline)
	if err != nil {
		return nil, err
	}
	var first error
	for _, addr := range addrs {
		c, err := t.connect(addr, d.Options, deadline)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
		if t.scope.cause != nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
	}
	return nil, first
}

// connect connects to one address.
func (t *task) connect(to poller.Addr, o poller.SocketOptions, deadline time.Duration) (*Conn, error) {
	system := t.loop.reactor.OS()
	fd, err := system.Connect(to, o)
	if err != nil {
		return nil, err
	}
	c, err := t.loop.newConn(fd, to)
	if err != nil {
		return nil, err
	}
	if deadline > 0 {
		c.src.SetDeadline(reactor.Out, deadline)
	}
	for {
		if err = t.await(&c.src, reactor.Out); err != nil {
			break
		}
		if err = system.ConnectResult(fd); err != poller.ErrWouldBlock {
			break
		}
		c.src.ClearReady(reactor.Out) // the event was a spurious one
	}
	if err != nil {
		c.closed = true
		_ = c.src.Close()
		return nil, err
	}
	c.src.SetDeadline(reactor.Out, 0)
	return c, nil
}

// resolve gives the addresses to try, in order. An IP address, an empty host
// and a path need no resolver.
func (d Dialer) resolve(t *task, network, address string, deadline time.Duration) ([]poller.Addr, error) {
	if network != "unix" {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		switch {
		case host == "":
			address = net.JoinHostPort(loopbackHost(network), port)
		case !isIP(host):
			return d.lookup(t, network, host, port, deadline)
		}
	}
	addr, err := poller.ParseAddr(network, address)
	return []poller.Addr{addr}, err
}

// lookup resolves a name on a goroutine.
func (d Dialer) lookup(t *task, network, host, port string, deadline time.Duration) ([]poller.Addr, error) {
	family := "ip" + network[len("tcp"):] // ip, ip4, ip6
	portNumber, err := net.LookupPort(network, port)
	if err != nil {
		return nil, err
	}
	resolver := d.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	left := deadline - t.loop.reactor.OS().Now()
	ips, err := offLoop(t, &t.loop.lookups, func(scope context.Context) ([]netip.Addr, error) {
		if deadline > 0 {
			var cancel context.CancelFunc
			scope, cancel = context.WithTimeout(scope, left)
			defer cancel()
		}
		return resolver.LookupNetIP(scope, family, host)
	})
	if err != nil {
		return nil, err
	}
	addrs := make([]poller.Addr, len(ips))
	for i, ip := range ips {
		addrs[i] = poller.Addr{AddrPort: netip.AddrPortFrom(ip.Unmap(), uint16(portNumber))}
	}
	return addrs, nil
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func loopbackHost(network string) string {
	if network == "tcp6" {
		return "::1"
	}
	return "127.0.0.1"
}
