package sim

import (
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/weft-go/weft/poller"
)

// handshake is a connect under way:
//
//	client                        server
//	  |---- SYN ------------------->|  a listener with room? else RST, or nothing
//	  |<--- SYN and ACK ------------|
//	  |  open                       |
//	  |---- ACK ------------------->|  into the listener's queue
//
// A SYN that is not answered is repeated after 1, 2, 4 .. 64 seconds; after 127
// the connect has timed out, as on Linux (tcp_syn_retries).
type handshake struct {
	client *stream
	there  *path // nil inside a host
	back   *path
	fate   fate
	tries  int
	step   appointment
}

const (
	firstSyn  = time.Second
	mostSyns  = 7
	arpFailed = 3 * time.Second // for how long an address is looked for that nobody has
)

// connect is connect(2) for TCP.
func (p *process) connect(to poller.Addr, o poller.SocketOptions) (*file, error) {
	w := p.host.world
	if to.Addr().IsUnspecified() {
		to.AddrPort = netip.AddrPortFrom(loopbackOf(to.Addr()), to.Port())
	}
	from, ok := p.host.sourceFor(to.Addr())
	if !ok {
		return nil, os.NewSyscallError("connect", syscall.ENETUNREACH)
	}
	local := poller.Addr{}
	if !p.choosePort(func(port uint16) bool {
		local.AddrPort = netip.AddrPortFrom(from, port)
		return port != to.Port() || from != to.Addr()
	}) {
		return nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
	}
	f, errno := p.newFile()
	if errno != 0 {
		return nil, tooManyFiles("socket", errno)
	}
	s := &stream{host: p.host, process: p, file: f, local: local, remote: to, options: optionsOf(o)}
	f.stream = s
	h := &handshake{client: s, fate: p.host.knobs().fate(w)}
	h.step.do = h.syn
	target := p.host
	if !p.host.has(to.Addr()) {
		target = w.byAddr[to.Addr()]
		if target == nil {
			h.fate = fateUnreachable
			w.agenda.set(&h.step, w.now+arpFailed)
			return f, nil
		}
	}
	h.there = w.way(p.host, target)
	if h.there != nil {
		h.back = h.there.back
	}
	if h.there == nil && w.rng.Uint32()&1 == 0 {
		h.syn() // over before connect returns, or not
	} else {
		w.agenda.set(&h.step, w.now+h.there.delay(0))
	}
	return f, nil
}

// syn is the arrival of the client's SYN.
func (h *handshake) syn() {
	s := h.client
	if s.state != streamConnecting {
		return // closed by its owner
	}
	switch h.fate {
	case fateUnreachable:
		s.fail(syscall.EHOSTUNREACH)
		return
	case fateRefused:
		h.answer(func() { s.fail(syscall.ECONNREFUSED) })
		return
	case fateTimeout:
		h.again()
		return
	}
	if h.there.loses() || h.back.loses() {
		h.again()
		return
	}
	target := s.host
	if h.there != nil {
		target = h.there.to
	}
	l := target.process.find(s.remote)
	if l == nil {
		h.answer(func() { s.fail(syscall.ECONNREFUSED) })
		return
	}
	if l.full() {
		h.again()
		return
	}
	l.opening++
	peer := &stream{host: target, process: target.process, local: s.remote, remote: s.local, listener: l, peer: s, options: l.options}
	h.answer(func() { h.synAck(peer) })
}

// answer makes fn happen when the answer has travelled back.
func (h *handshake) answer(fn func()) {
	if h.back == nil {
		fn()
		return
	}
	h.step.do = fn
	w := h.client.world()
	w.agenda.set(&h.step, w.now+h.back.delay(0))
}

// again repeats the SYN, or gives up.
func (h *handshake) again() {
	s := h.client
	if h.tries++; h.tries >= mostSyns {
		h.step.do = func() { s.fail(syscall.ETIMEDOUT) }
	}
	w := s.world()
	w.agenda.set(&h.step, w.now+firstSyn<<(h.tries-1))
}

// synAck is its arrival at the client, which is open with it. A client that has
// given up meanwhile leaves nothing behind.
func (h *handshake) synAck(peer *stream) {
	s := h.client
	peer.listener.opening--
	if s.state != streamConnecting {
		return
	}
	there := h.there
	if h.fate == fateHalfOpen {
		there = s.world().blackHole
	}
	s.peer = peer
	join(s, peer, there, h.back)
	s.state = streamOpen
	s.world().note(s.host, actConnect, s.fd(), 0, nil)
	s.notify(poller.Writable)
	s.pulse.heard = s.world().now
	s.watch()
	s.out.send(segment{kind: segmentAck})
}

// join makes the two directions of a connection.
func join(s, peer *stream, there, back *path) {
	w := s.world()
	s.out, peer.out = newFlow(w, s, peer, there), newFlow(w, peer, s, back)
	s.in, peer.in = peer.out, s.out
}

// established is the arrival of the ACK at the server.
func (s *stream) established() {
	l := s.listener
	s.listener = nil
	s.state = streamOpen
	if l.file == nil || l.process.dead { // closed meanwhile
		s.close(true)
		return
	}
	s.watch()
	l.enqueue(s)
}

// connectUnix is connect(2) for a Unix socket: over at once.
func (p *process) connectUnix(to poller.Addr, o poller.SocketOptions) (*file, error) {
	l := p.paths[to.Path]
	switch {
	case l == nil:
		return nil, os.NewSyscallError("connect", syscall.ENOENT)
	case l.file == nil:
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	case l.full():
		return nil, os.NewSyscallError("connect", poller.ErrBacklogFull)
	}
	f, errno := p.newFile()
	if errno != 0 {
		return nil, tooManyFiles("socket", errno)
	}
	s := &stream{host: p.host, process: p, file: f, unix: true, state: streamOpen, remote: to, options: optionsOf(o)}
	peer := &stream{host: p.host, process: p, unix: true, state: streamOpen, local: to, peer: s, options: l.options}
	s.peer, f.stream = peer, s
	join(s, peer, nil, nil)
	l.enqueue(peer)
	return f, nil
}
