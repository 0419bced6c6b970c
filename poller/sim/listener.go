package sim

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// listener is a listening socket.
type listener struct {
	process   *process
	file      *file // nil once it is closed
	addr      poller.Addr
	reusePort bool
	backlog   int
	queue     []*stream // established, not accepted
	opening   int       // in the middle of their handshake
	options   options
}

// defaultBacklog is package poller's.
const defaultBacklog = 4096

// full reports whether there is no room for one more. A kernel takes one
// connection more than the backlog says.
func (l *listener) full() bool { return len(l.queue)+l.opening > l.backlog }

// clashes reports whether two listeners cannot have one port.
func (l *listener) clashes(o *listener) bool {
	return !(l.reusePort && o.reusePort) && overlap(l.addr, o.addr)
}

// bind gives the listener its address.
func (l *listener) bind() syscall.Errno {
	p := l.process
	if l.addr.IsUnix() {
		if !p.claim(l.addr.Path) {
			return syscall.EADDRINUSE
		}
		p.paths[l.addr.Path] = l
		return 0
	}
	if a := l.addr.Addr(); !a.IsUnspecified() && !p.host.has(a) {
		return syscall.EADDRNOTAVAIL
	}
	if l.addr.Port() != 0 {
		if !p.portFree(l) {
			return syscall.EADDRINUSE
		}
	} else if !p.choosePort(func(port uint16) bool {
		l.addr.AddrPort = netip.AddrPortFrom(l.addr.Addr(), port)
		return p.portFree(l)
	}) {
		return syscall.EADDRINUSE
	}
	port := l.addr.Port()
	p.ports[port] = append(p.ports[port], l)
	return 0
}

// portFree reports whether the listener's port is free for it.
func (p *process) portFree(l *listener) bool {
	return !slices.ContainsFunc(p.ports[l.addr.Port()], l.clashes)
}

// choosePort tries the ports for those who do not care, one after the other.
func (p *process) choosePort(try func(uint16) bool) bool {
	for range lastEphemeral - firstEphemeral + 1 {
		port := p.nextPort
		if p.nextPort++; p.nextPort > lastEphemeral {
			p.nextPort = firstEphemeral
		}
		if try(port) {
			return true
		}
	}
	return false
}

// close resets what nobody has accepted. A Unix socket's path stays, as a path
// where nobody listens.
func (l *listener) close() {
	l.file = nil
	if !l.addr.IsUnix() {
		port := l.addr.Port()
		l.process.ports[port] = slices.DeleteFunc(l.process.ports[port], func(o *listener) bool { return o == l })
	}
	for _, s := range l.queue {
		s.close(true)
	}
	l.queue = nil
}

// find is the listener for an address; of several that share a port, one by
// seed, as the kernel takes one by a hash.
func (p *process) find(to poller.Addr) *listener {
	if to.IsUnix() {
		if l := p.paths[to.Path]; l != nil && l.file != nil {
			return l
		}
		return nil
	}
	var found []*listener
	for _, l := range p.ports[to.Port()] {
		if hears(l.addr, to.Addr()) {
			found = append(found, l)
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return found[0]
	}
	return found[p.host.world.rng.IntN(len(found))]
}

// enqueue puts an established connection into the queue.
func (l *listener) enqueue(s *stream) {
	l.queue = append(l.queue, s)
	l.file.notify(poller.Readable)
}

// accept takes the oldest connection that is worth it. One that died in the
// queue is handed out or passed over: real systems do either.
func (l *listener) accept() *stream {
	w := l.process.host.world
	for len(l.queue) > 0 {
		s := l.queue[0]
		l.queue = l.queue[1:]
		if s.state == streamOpen && w.chance(l.process.host.knobs().AbortAccept) {
			s.close(true) // ECONNABORTED
			continue
		}
		if s.state != streamOpen && w.rng.Uint32()&1 == 0 {
			continue
		}
		return s
	}
	return nil
}
