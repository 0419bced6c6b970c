package coro

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Dial connects to address, from a task, on its loop. The network is "tcp",
// "tcp4", "tcp6" or "unix"; an empty or unspecified host is this machine. The names
// of hosts and ports are resolved off the loop; the addresses are tried one after the other,
// and the error of the first one is returned. Errors: *net.OpError (errors.Is
// finds syscall.ECONNREFUSED, os.ErrDeadlineExceeded, the cause of ctx or of a
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
	if err := t.begin(ctx); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	defer t.under(ctx)()
	if d.Timeout > 0 {
		defer t.within(d.Timeout)()
	}
	addrs, err := d.resolve(t, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var first error
	for _, addr := range addrs {
		c, err := t.connect(addr, d.Options)
		if err == nil {
			return c, nil
		}
		err = &net.OpError{Op: "dial", Net: network, Addr: addr.NetAddr(), Err: err}
		if t.scope.cause != nil {
			return nil, err
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// connect connects to one address.
func (t *task) connect(to poller.Addr, o poller.SocketOptions) (*Conn, error) {
	system := t.loop().reactor.OS()
	fd, err := system.Connect(to, o)
	if err != nil {
		return nil, err
	}
	c, err := t.loop().newConn(fd, to)
	if err != nil {
		return nil, err
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
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// resolve gives the addresses to try, in order; there is one at least. An IP
// address, an empty host and a path need no resolver, and neither does a number
// as the port.
func (d Dialer) resolve(t *task, network, address string) ([]poller.Addr, error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		number, err := lookupPort(t, network, port)
		if err != nil {
			return nil, err
		}
		if host != "" && !isIP(host) {
			return d.lookup(t, network, host, number)
		}
		address = net.JoinHostPort(host, strconv.Itoa(number))
	}
	addr, err := poller.ParseAddr(network, address)
	if err != nil {
		return nil, err
	}
	if !addr.IsUnix() && addr.Addr().IsUnspecified() {
		addr = loopback(addr)
	}
	return []poller.Addr{addr}, nil
}

// lookupPort is the number of a port. For a name the system reads a file.
func lookupPort(t *task, network, port string) (int, error) {
	if _, err := strconv.Atoi(port); err == nil || port == "" {
		return net.LookupPort(network, port)
	}
	return offLoopLookup(t, func(ctx context.Context) (int, error) {
		return net.DefaultResolver.LookupPort(ctx, network, port)
	})
}

// lookup resolves the name of a host.
func (d Dialer) lookup(t *task, network, host string, port int) ([]poller.Addr, error) {
	resolver := d.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	family := "ip" + network[len("tcp"):] // ip, ip4, ip6
	simulated, isSimulated := t.loop().reactor.OS().(poller.Simulated)
	ips, err := offLoopLookup(t, func(ctx context.Context) ([]netip.Addr, error) {
		if isSimulated && d.Resolver == nil {
			return simulated.LookupNetIP(family, host)
		}
		return resolver.LookupNetIP(ctx, family, host)
	})
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, &net.DNSError{Err: "no suitable address", Name: host, IsNotFound: true}
	}
	addrs := make([]poller.Addr, len(ips))
	for i, ip := range ips {
		addrs[i] = poller.Addr{AddrPort: netip.AddrPortFrom(ip.Unmap(), uint16(port))}
	}
	return addrs, nil
}

// offLoopLookup looks something up on a goroutine, under the context of the task's
// scope.
func offLoopLookup[T any](t *task, fn func(ctx context.Context) (T, error)) (T, error) {
	ctx := context.Context(t.scope)
	found, err := BlockingOn(ctx, lookupWorkers, func() (T, error) { return fn(ctx) })
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx) // the resolver may tell of the end before the scope is told
	}
	return found, err
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// loopback is where a connection to the unspecified address goes, as package
// net has it: to this machine.
func loopback(a poller.Addr) poller.Addr {
	ip := netip.IPv6Loopback()
	if a.Addr().Is4() || a.DualStack {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return poller.Addr{AddrPort: netip.AddrPortFrom(ip, a.Port())}
}
