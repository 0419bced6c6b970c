package coro

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/weft-go/weft/poller"
)

// target is what an address to dial means: one address, or a host whose name has
// to be looked up, and a port.
type target struct {
	addr poller.Addr
	host string // empty: addr is it
	port int
}

// addressParser reads addresses without names, of one transport and of Unix sockets.
type addressParser struct {
	transport string
	parse     func(network, address string) (poller.Addr, error)
}

var (
	streamAddresses = addressParser{"tcp", poller.ParseAddr}
	packetAddresses = addressParser{"udp", poller.ParsePacketAddr}
)

// resolve reads an address, which parse understands without names. An IP address, an
// empty host and a path need no resolver, and neither does a number as the port.
func resolve(t *task, network, address string, parse addressParser) (to target, err error) {
	switch network {
	case parse.transport, parse.transport + "4", parse.transport + "6":
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
	to.addr, err = parse.parse(network, address)
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

// lookupAll waits for all addresses of a host, IPv6 first. The error is that of IPv4
// where both families have none.
func (d *Dialer) lookupAll(t *task, network string, to target) (addrs []poller.Addr, err error) {
	s := t.nest(t.scope) // its end ends the lookups that are still under way
	defer t.leave(s)
	var asked []*lookup
	for f := ipv6; f <= ipv4; f++ {
		if only := network[len("udp"):]; strings.HasSuffix(f.String(), only) {
			k := d.ask(t, f.String(), to.host)
			defer k.job.end()
			asked = append(asked, k)
		}
	}
	for _, k := range asked {
		for !k.job.workers.isDone(k.job) {
			if err := t.park(waitDial); err != nil {
				return nil, err
			}
		}
		var found []poller.Addr
		if found, err = k.answer(t, to.port); err == nil {
			addrs = append(addrs, found...)
		}
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	if err == nil {
		err = &net.DNSError{Err: "no suitable address", Name: to.host, IsNotFound: true}
	}
	return nil, err
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
