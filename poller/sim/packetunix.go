package sim

import (
	"bytes"
	"os"
	"slices"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// Datagrams of Unix sockets do not leave the host: they arrive at once, in
// order, and none is lost. Whoever sends to a full queue waits for it.

// receiver is the Unix socket at a path.
func (p *process) receiver(path string) (*packetSocket, syscall.Errno) {
	s := p.packets.paths[path]
	switch l := p.paths[path]; {
	case s != nil && s.file != nil:
		return s, 0
	case l != nil && l.file != nil:
		return nil, syscall.EPROTOTYPE
	case s != nil, l != nil:
		return nil, syscall.ECONNREFUSED
	}
	return nil, syscall.ENOENT
}

// mayHear reports whether the socket takes datagrams of another one: a connected
// one only from its peer.
func (s *packetSocket) mayHear(from *packetSocket) bool {
	return s.peer == nil || s.peer == from
}

func (s *packetSocket) sendUnix(d *poller.Datagram) error {
	target, errno := s.peer, syscall.Errno(0)
	switch {
	case target == nil && !d.Peer.IsUnix():
		errno = syscall.EINVAL
	case target == nil:
		target, errno = s.process.receiver(d.Peer.Path)
	case target.file == nil:
		errno = syscall.ECONNREFUSED // whoever has its path by now
	}
	switch {
	case errno != 0:
	case !target.mayHear(s):
		errno = syscall.EPERM
	case len(d.Payload) > s.sendBuffer:
		errno = syscall.EMSGSIZE
	case target.full():
		s.wait(target)
		return poller.ErrWouldBlock
	}
	if errno != 0 {
		return os.NewSyscallError("sendmsg", errno)
	}
	s.process.host.datagrams.Sent++
	target.push(datagram{poller.Addr{Path: s.local.Path}, bytes.Clone(d.Payload)})
	return nil
}

// wait makes the sender one of those who are told when there is room.
func (s *packetSocket) wait(target *packetSocket) {
	s.file.armed |= poller.Writable
	s.waitsIn = target
	if !slices.Contains(target.waiting, s) {
		target.waiting = append(target.waiting, s)
	}
}

// admit tells those who wait for room. All of them: who comes too late waits
// again.
func (s *packetSocket) admit() {
	if s.full() {
		return
	}
	waiting := s.waiting
	s.waiting = nil
	for _, o := range waiting {
		if o.waitsIn == s {
			o.waitsIn = nil
			o.notify(poller.Writable)
		}
	}
}
