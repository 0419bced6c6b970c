package sim

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// The calls of poller.Datagrams. As those of poller.Sockets they check their
// descriptor, leave the work to the socket, and note themselves in the trace.

var _ poller.Datagrams = (*system)(nil)

func (o *system) ListenPacket(at poller.Addr, po poller.PacketOptions) (poller.FD, error) {
	if at.IsUnix() && at.Path == "" {
		return poller.NoFD, errAddress
	}
	return o.openPackets(at, poller.Addr{}, po)
}

func (o *system) ConnectPacket(from, to poller.Addr, po poller.PacketOptions) (poller.FD, error) {
	if to == (poller.Addr{}) {
		return poller.NoFD, errAddress
	}
	return o.openPackets(from, to, po)
}

// openPackets opens a datagram socket; the zero to is one that is not connected.
func (o *system) openPackets(at, to poller.Addr, po poller.PacketOptions) (poller.FD, error) {
	p := o.process
	unix := at.IsUnix() && (to == (poller.Addr{}) || to.IsUnix())
	switch {
	case unix && (po.ReusePort || po.ReuseAddress):
		return poller.NoFD, fmt.Errorf("several sockets of one path: %w", errors.ErrUnsupported)
	case p.dead:
		return poller.NoFD, os.NewSyscallError("socket", syscall.ENETDOWN)
	}
	if err := o.exhausted("socket"); err != nil {
		return poller.NoFD, err
	}
	s := &packetSocket{process: p, unix: unix, local: at, multicast: multicastOptions{ttl: 1, loopback: 1}, reusePort: po.ReusePort, reuseAddress: po.ReuseAddress,
		options: optionsOf(poller.SocketOptions{SendBuffer: po.SendBuffer, ReceiveBuffer: po.ReceiveBuffer})}
	if po.SendBuffer == 0 {
		s.sendBuffer = defaultPacketBuffer
	}
	if po.ReceiveBuffer == 0 {
		s.receiveBuffer = defaultPacketBuffer
	}
	if to != (poller.Addr{}) {
		if errno := s.connect(to); errno != 0 {
			return poller.NoFD, os.NewSyscallError("connect", errno)
		}
	}
	if errno := s.bind(); errno != 0 {
		err := os.NewSyscallError("bind", errno)
		if unix {
			err = fmt.Errorf("%w: somebody listens at %s: %w", poller.ErrPathInUse, at.Path, err)
		}
		return poller.NoFD, err
	}
	f, errno := p.newFile()
	if errno != 0 {
		s.close()
		return poller.NoFD, tooManyFiles("socket", errno)
	}
	f.packets, s.file = s, f
	act := actListen
	if s.connected() {
		act = actDial
	}
	o.world.note(p.host, act, f.fd, int(s.local.Port()), nil)
	return f.fd, nil
}

// packets finds a datagram socket's descriptor.
func (o *system) packets(fd poller.FD, call string) (*packetSocket, error) {
	f, errno := o.process.file(fd)
	if errno == 0 && f.packets == nil {
		errno = syscall.EOPNOTSUPP
	}
	if errno != 0 {
		return nil, os.NewSyscallError(call, errno)
	}
	return f.packets, nil
}

func (o *system) Receive(fd poller.FD, into []poller.Datagram) (int, error) {
	s, err := o.packets(fd, "recvmsg")
	if err != nil {
		return 0, err
	}
	n, err := s.receive(into)
	o.world.note(o.process.host, actReceive, fd, n, err)
	return n, err
}

func (o *system) Send(fd poller.FD, out []poller.Datagram) (n int, err error) {
	s, err := o.packets(fd, "sendmsg")
	if err != nil {
		return 0, err
	}
	most := min(len(out), poller.MaxDatagrams)
	if most > 1 && o.world.chance(o.process.host.knobs().ShortWrite) {
		most = 1 + o.world.rng.IntN(most)
	}
	for n < most {
		if err = s.send(&out[n]); err != nil {
			break
		}
		n++
	}
	if n > 0 && err == poller.ErrWouldBlock {
		err = nil // who tries the rest is told
	}
	o.world.note(o.process.host, actSend, fd, n, err)
	return n, err
}

func (o *system) JoinGroup(fd poller.FD, group netip.Addr, index int) error {
	return o.member(fd, "join", actJoin, group, index, (*packetSocket).join)
}

func (o *system) LeaveGroup(fd poller.FD, group netip.Addr, index int) error {
	return o.member(fd, "leave", actLeave, group, index, (*packetSocket).leave)
}

func (o *system) member(fd poller.FD, call string, a act, group netip.Addr, index int, change func(*packetSocket, membership) syscall.Errno) error {
	s, err := o.packets(fd, call)
	if err != nil {
		return err
	}
	m, errno := s.membershipOf(group, index)
	if errno == 0 {
		errno = change(s, m)
	}
	if errno != 0 {
		err = os.NewSyscallError(call, errno)
	}
	o.world.note(o.process.host, a, fd, index, err)
	return err
}
