package coro

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/weft-go/weft/poller"
)

// target is what an address to dial means: one address, or a host whose name has
// to be looked up, and a port.
type target struct {
	addr poller.Addr
	host string // empty: addr is it
	port int
}

// resolve reads an address. An IP address, an empty host and a path need no
// resolver, and neither does a number as the port.
func resolve(t *task, network, address string) (to target, err error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return to, err
		}
		number, err := lookupPort(t, network, port)
		if err != nil {
			return to, err
		}
		if host != "" && !isIP(host) {
			return target{host: host, port: number}, nil
		}
		address = net.JoinHostPort(host, strconv.Itoa(number))
	}
	to.addr, err = poller.ParseAddr(network, address)
	if err == nil && !to.addr.IsUnix() && to.addr.Addr().IsUnspecified() {
		to.addr = loopback(to.addr)
	}
	return to, err
}

// lookupPort is the number of a port. For a name the system reads a file.
func lookupPort(t *task, network, port string) (int, error) {
	if _, err := strconv.Atoi(port); err == nil || port == "" {
		return net.LookupPort(network, port)
	}
	ctx := context.Context(t.scope)
	number, err := BlockingOn(ctx, lookupWorkers, func() (int, error) {
		return net.DefaultResolver.LookupPort(ctx, network, port)
	})
	return number, lookupError(ctx, err)
}

// lookupError is the cause for a lookup that ended with ctx: the resolver may tell
// of that before the scope is told.
func lookupError(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// lookup is a question for the addresses of a host, of one family, which goroutine
// and task share as they do the job.
type lookup struct {
	job   *job
	found []netip.Addr
}

// ask asks, off the loop, under the context of the task's scope. The end of the
// job wakes the task.
func (d *Dialer) ask(t *task, network, host string) *lookup {
	k := new(lookup)
	ctx := context.Context(t.scope)
	find := d.find
	if simulated, ok := t.loop().reactor.OS().(poller.Simulated); ok && d.Resolver == nil {
		find = func(context.Context, string, string) ([]netip.Addr, error) {
			return simulated.LookupNetIP(network, host)
		}
	}
	k.job = lookupWorkers.submitBy(t, func() (err error) {
		k.found, err = find(ctx, network, host)
		return err
	}, func(s poller.Simulated, fn func()) { s.GoLookup(network, host, fn) })
	return k
}

func (d *Dialer) find(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if d.Resolver != nil {
		return d.Resolver.LookupNetIP(ctx, network, host)
	}
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}

// answer is what has come of a lookup that is done.
func (k *lookup) answer(t *task, port int) ([]poller.Addr, error) {
	k.job.end()
	if err := k.job.outcome(t); err != nil {
		return nil, lookupError(t.scope, err)
	}
	addrs := make([]poller.Addr, len(k.found))
	for i, ip := range k.found {
		addrs[i] = poller.Addr{AddrPort: netip.AddrPortFrom(ip.Unmap(), uint16(port))}
	}
	return addrs, nil
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
