package sim

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// A host has two network interfaces. All hosts' network cards are in one
// network, which has no router: what goes further than that is not simulated.
const (
	loopbackInterface = 1
	networkInterface  = 2
)

// membership is a group as one socket hears it: from one interface.
type membership struct {
	group netip.Addr
	index int
}

// mostGroups is how many groups a socket can join.
//
// Bound: Linux's igmp_max_memberships.
const mostGroups = 20

// multicastOptions are how a socket sends to groups.
type multicastOptions struct {
	ttl      int // 0: not beyond this host
	loopback int // 1: to members on this host too
	index    int // of the interface that is used; 0: the network card
}

// membershipOf is what join and leave are about. Index 0 is the system's choice.
func (s *packetSocket) membershipOf(group netip.Addr, index int) (membership, syscall.Errno) {
	group = group.Unmap().WithZone("")
	at := s.local.Addr()
	switch {
	case s.unix:
		return membership{}, syscall.EOPNOTSUPP
	case index < 0 || index > networkInterface:
		return membership{}, syscall.ENODEV
	case !group.IsMulticast(), at.Is4() && group.Is6(), at.Is6() && group.Is4() && !s.local.DualStack:
		return membership{}, syscall.EINVAL
	case index == 0:
		index = networkInterface
	}
	return membership{group, index}, 0
}

// join makes the socket a member of a multicast group.
func (s *packetSocket) join(m membership) syscall.Errno {
	switch {
	case slices.Contains(s.groups, m):
		return syscall.EADDRINUSE
	case len(s.groups) >= mostGroups:
		return syscall.ENOBUFS
	}
	s.groups = append(s.groups, m)
	return 0
}

// leave ends a membership.
func (s *packetSocket) leave(m membership) syscall.Errno {
	i := slices.Index(s.groups, m)
	if i < 0 {
		return syscall.EADDRNOTAVAIL
	}
	s.groups = slices.Delete(s.groups, i, i+1)
	return 0
}

// sendGroup sends one datagram to each host that has a member. Each copy has a
// fate of its own.
func (s *packetSocket) sendGroup(d datagram, to poller.Addr) {
	m, own := membership{to.Addr(), s.multicast.index}, s.process.host
	if m.index == 0 {
		m.index = networkInterface
	}
	for _, h := range s.world().hosts {
		if h == own && s.multicast.loopback == 0 || h != own && s.staysHere(m) {
			continue
		}
		if slices.ContainsFunc(h.process.packets.ports[to.Port()], func(o *packetSocket) bool { return o.member(m, d, to) }) {
			s.launch(d, to, h, m)
		}
	}
}

// staysHere reports whether a datagram to the group does not leave the host.
func (s *packetSocket) staysHere(m membership) bool {
	return m.index == loopbackInterface || s.multicast.ttl == 0 || m.group.IsInterfaceLocalMulticast()
}

// member reports whether the socket hears a datagram to the group.
func (s *packetSocket) member(m membership, d datagram, to poller.Addr) bool {
	at := s.local.Addr()
	return slices.Contains(s.groups, m) && (at.IsUnspecified() || at == to.Addr()) && (!s.connected() || s.remote == d.from)
}

// hearGroup gives a datagram to every member that listens at its port.
func (p *process) hearGroup(m membership, d datagram, to poller.Addr) {
	for _, s := range p.packets.ports[to.Port()] {
		if s.member(m, d, to) {
			s.push(d)
		}
	}
}

// multicastOption is the option's place, for SetOption and Option.
func (s *packetSocket) multicastOption(o poller.Option) (place *int, most int) {
	switch o {
	case poller.MulticastTTL:
		return &s.multicast.ttl, 255
	case poller.MulticastLoopback:
		return &s.multicast.loopback, 1
	case poller.MulticastInterface:
		return &s.multicast.index, networkInterface
	}
	return nil, 0
}
