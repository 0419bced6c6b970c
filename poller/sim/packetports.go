package sim

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// packetTable is who receives what: UDP ports, which are other ones than those
// of TCP, and the paths of Unix sockets.
type packetTable struct {
	ports map[uint16][]*packetSocket
	paths map[string]*packetSocket // one that is closed is a path where nobody receives
}

func newPacketTable() packetTable {
	return packetTable{ports: make(map[uint16][]*packetSocket), paths: make(map[string]*packetSocket)}
}

// claim reports whether the path of a Unix socket is free, streams and datagrams
// together, and takes it from a socket that is closed.
func (p *process) claim(path string) bool {
	if l := p.paths[path]; l != nil && l.file != nil {
		return false
	}
	if s := p.packets.paths[path]; s != nil && s.file != nil {
		return false
	}
	delete(p.paths, path)
	delete(p.packets.paths, path)
	return true
}

// connect fixes the peer, and with it the local address where none was given.
func (s *packetSocket) connect(to poller.Addr) syscall.Errno {
	if s.unix {
		target, errno := s.process.receiver(to.Path)
		if errno == 0 && !target.mayHear(s) {
			errno = syscall.EPERM
		}
		if errno != 0 {
			return errno
		}
		s.remote, s.peer = to, target
		return 0
	}
	if to.IsUnix() {
		return syscall.EINVAL
	}
	to = meant(to)
	if s.local.IsUnix() || s.local.Addr().IsUnspecified() { // the kernel chooses
		s.local.AddrPort = netip.AddrPortFrom(unspecifiedOf(to.Addr()), s.local.Port())
	}
	from, errno := s.source(to.Addr())
	if errno != 0 {
		return errno
	}
	s.local = poller.Addr{AddrPort: netip.AddrPortFrom(from, s.local.Port())}
	s.remote = to
	return 0
}

// meant is where a datagram for an address goes: one for nobody stays here.
func meant(to poller.Addr) poller.Addr {
	a := to.Addr().Unmap()
	if a.IsUnspecified() {
		a = loopbackOf(a)
	}
	return poller.Addr{AddrPort: netip.AddrPortFrom(a, to.Port())}
}

func unspecifiedOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// bind gives the socket its address. A Unix socket without a name has none.
func (s *packetSocket) bind() syscall.Errno {
	p := s.process
	if s.unix {
		if s.local.Path == "" {
			return 0
		}
		if !p.claim(s.local.Path) {
			return syscall.EADDRINUSE
		}
		p.packets.paths[s.local.Path] = s
		return 0
	}
	if a := s.local.Addr(); !a.IsUnspecified() && !p.host.has(a) && !a.IsMulticast() {
		return syscall.EADDRNOTAVAIL
	}
	free := func() bool {
		return !slices.ContainsFunc(p.packets.ports[s.local.Port()], s.clashes)
	}
	if s.local.Port() != 0 {
		if !free() {
			return syscall.EADDRINUSE
		}
	} else if !p.choosePort(func(port uint16) bool {
		s.local.AddrPort = netip.AddrPortFrom(s.local.Addr(), port)
		return free()
	}) {
		return syscall.EADDRINUSE
	}
	port := s.local.Port()
	p.packets.ports[port] = append(p.packets.ports[port], s)
	return 0
}

// clashes reports whether two sockets cannot have one port.
func (s *packetSocket) clashes(o *packetSocket) bool {
	shared := s.reusePort && o.reusePort || s.reuseAddress && o.reuseAddress
	return !shared && overlap(s.local, o.local)
}

func (s *packetSocket) unbind() {
	if !s.unix {
		port := s.local.Port()
		ports := s.process.packets.ports
		ports[port] = slices.DeleteFunc(ports[port], func(o *packetSocket) bool { return o == s })
	}
}

// hears reports how well a datagram fits the socket, 0 for not at all: a
// connected socket before one for everybody, an address of one's own before the
// unspecified one.
func (s *packetSocket) hears(from, to poller.Addr) (fit int) {
	if !hears(s.local, to.Addr()) {
		return 0
	}
	if s.connected() {
		if s.remote != from {
			return 0
		}
		fit += 2
	}
	if !s.local.Addr().IsUnspecified() {
		fit++
	}
	return fit + 1
}

// receiverOf is the socket for a datagram to one host, or nil. Of several that fit as
// well the last one that was opened gets it, or, where they share the port to
// spread the load, always the same one for a sender.
func (p *process) receiverOf(from, to poller.Addr) *packetSocket {
	var best []*packetSocket
	most := 1
	for _, s := range p.packets.ports[to.Port()] {
		switch fit := s.hears(from, to); {
		case fit > most || fit == most && len(best) == 0:
			best, most = append(best[:0], s), fit
		case fit == most:
			best = append(best, s)
		}
	}
	switch n := len(best); {
	case n == 0:
		return nil
	case n > 1 && best[n-1].reusePort:
		hash := fnv.New32a()
		hash.Write([]byte(from.String()))
		return best[hash.Sum32()%uint32(n)] // unsigned: an int may have 32 bits
	default:
		return best[n-1]
	}
}
