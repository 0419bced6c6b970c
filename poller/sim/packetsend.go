package sim

import (
	"bytes"
	"net/netip"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// The largest datagrams: what is left of the 16 bits that IP and UDP have for a
// length. Fragments are not simulated: one is lost with all of its bytes.
const (
	mostPayload4 = 65535 - 20 - 8
	mostPayload6 = 65535 - 8
)

// send is sendmsg(2).
func (s *packetSocket) send(d *poller.Datagram) error {
	if err := s.takeError("sendmsg"); err != nil {
		return err
	}
	errno := syscall.Errno(0)
	switch {
	case s.connected() && d.Peer != (poller.Addr{}):
		errno = syscall.EISCONN
	case !s.connected() && d.Peer == (poller.Addr{}):
		errno = syscall.EDESTADDRREQ
	case s.unix:
		return s.sendUnix(d)
	default:
		return s.sendUDP(d)
	}
	return os.NewSyscallError("sendmsg", errno)
}

func (s *packetSocket) sendUDP(d *poller.Datagram) error {
	to := s.remote
	if !s.connected() {
		if d.Peer.IsUnix() {
			return os.NewSyscallError("sendmsg", syscall.EAFNOSUPPORT)
		}
		to = meant(d.Peer)
	}
	from, errno := s.source(to.Addr())
	switch {
	case errno != 0:
	case to.Port() == 0:
		errno = syscall.EINVAL
	case to.Addr().Is4() && len(d.Payload) > mostPayload4, len(d.Payload) > mostPayload6:
		errno = syscall.EMSGSIZE
	case s.unsent >= s.sendBuffer:
		s.file.armed |= poller.Writable
		return poller.ErrWouldBlock
	}
	if errno != 0 {
		return os.NewSyscallError("sendmsg", errno)
	}
	s.process.host.datagrams.Sent++
	s.route(datagram{poller.Addr{AddrPort: netip.AddrPortFrom(from, s.local.Port())}, bytes.Clone(d.Payload)}, to)
	return nil
}

// route finds the hosts that are meant.
func (s *packetSocket) route(d datagram, to poller.Addr) {
	h, w := s.process.host, s.world()
	switch target := w.byAddr[to.Addr()]; {
	case to.Addr().IsMulticast():
		s.sendGroup(d, to)
	case h.has(to.Addr()):
		s.launch(d, to, h, membership{})
	case target != nil:
		s.launch(d, to, target, membership{})
	default:
		h.lose(len(d.payload), lostNobody)
		s.search()
	}
}

// search looks for an address that nobody has, which ends in an error. One search
// at a time: what is sent meanwhile is part of it.
func (s *packetSocket) search() {
	if s.searching {
		return
	}
	s.searching = true
	s.world().after(arpFailed, func() {
		s.searching = false
		s.report(syscall.EHOSTUNREACH)
	})
}

// source is the address that a datagram of the socket's comes from.
func (s *packetSocket) source(to netip.Addr) (netip.Addr, syscall.Errno) {
	at := s.local.Addr()
	if !s.unix && at.Is4() && to.Is6() {
		return to, syscall.EAFNOSUPPORT
	}
	if at.Is6() && to.Is4() && !(at.IsUnspecified() && s.local.DualStack) {
		return to, syscall.ENETUNREACH
	}
	if !at.IsUnspecified() && !at.IsMulticast() {
		if at.IsLoopback() && !s.process.host.has(to) && !to.IsMulticast() {
			return to, syscall.EINVAL // nothing leaves the host under this name
		}
		return at, 0
	}
	from, ok := s.process.host.sourceFor(to)
	if !ok {
		return to, syscall.ENETUNREACH
	}
	return from, 0
}
