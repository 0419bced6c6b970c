package sim

import (
	"net"
	"net/netip"
	"time"
)

// Name is how the world resolves a host name: what it answers to a question for
// IPv4 addresses (A) and to one for IPv6 addresses (AAAA). A test changes the
// fields as it likes, also between two lookups.
type Name struct {
	A, AAAA Answer
}

// Answer is one family's. Without addresses it says that there are none.
type Answer struct {
	// Addrs need not be those of hosts: connecting to one of nobody's fails
	// with EHOSTUNREACH after 3 seconds.
	Addrs []netip.Addr
	// Delay is how long the answer takes.
	Delay time.Duration
	// Err is the failure to say that there are no addresses; see net.DNSError.
	Err error
}

// Name is the entry of a name, made if there is none: for the name of a host with
// that host's addresses, otherwise without any.
func (w *World) Name(name string) *Name {
	n := w.names[name]
	if n == nil {
		n = new(Name)
		if h := w.byName[name]; h != nil {
			n.Add(h.addrs...)
		}
		w.names[name] = n
	}
	return n
}

// localhost is a name that needs no entry.
const localhost = "localhost"

// Add adds addresses, each to its family's answer.
func (n *Name) Add(addrs ...netip.Addr) {
	for _, a := range addrs {
		answer := &n.AAAA
		if a.Is4() {
			answer = &n.A
		}
		answer.Addrs = append(answer.Addrs, a)
	}
}

// answers are those to a question for "ip", "ip4" or "ip6".
func (w *World) answers(network, host string) []*Answer {
	known := w.names[host] != nil
	if !known && w.byName[host] == nil && host != localhost {
		return nil
	}
	n := w.Name(host)
	if !known && host == localhost {
		n.Add(loopbackOf(netip.IPv4Unspecified()))
	}
	switch network {
	case "ip4":
		return []*Answer{&n.A}
	case "ip6":
		return []*Answer{&n.AAAA}
	}
	return []*Answer{&n.A, &n.AAAA}
}

// LookupNetIP resolves the name of a host. One family's failure is not the
// other's.
func (o *system) LookupNetIP(network, host string) (found []netip.Addr, err error) {
	for _, a := range o.world.answers(network, host) {
		found = append(found, a.Addrs...)
		if a.Err != nil {
			err = a.Err
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case err == nil:
		err = &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return nil, err
}

// GoLookup runs fn when the answer is there: for both families the later one.
func (o *system) GoLookup(network, host string, fn func()) {
	delay := time.Duration(0)
	for _, a := range o.world.answers(network, host) {
		delay = max(delay, a.Delay)
	}
	o.start(fn, delay)
}
