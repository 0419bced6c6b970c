package poller

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// groupNeedsReusePort: SO_REUSEADDR is enough to share a port for multicast.
const groupNeedsReusePort = false

// packets are the arguments of recvmmsg(2) and sendmmsg(2). A loop has them once
// it has met a datagram: 18 KB.
type packets struct {
	headers [MaxDatagrams]unix.Mmsghdr
	vectors [MaxDatagrams]unix.Iovec
	names   [MaxDatagrams]unix.RawSockaddrAny
	trains  trains
}

//go:noinline
func newPackets() *packets {
	p := new(packets)
	for i := range p.headers {
		p.headers[i].Hdr.Iov = &p.vectors[i]
		p.headers[i].Hdr.SetIovlen(1)
		p.headers[i].Hdr.Name = (*byte)(unsafe.Pointer(&p.names[i]))
	}
	p.trains.possible = hasSegmentation()
	return p
}

// load prepares as many datagrams as one call takes.
func (s *sockets) load(datagrams []Datagram) (*packets, []Datagram) {
	if s.packets == nil {
		s.packets = newPackets()
	}
	datagrams = datagrams[:min(len(datagrams), MaxDatagrams)]
	for i := range datagrams {
		v := &s.packets.vectors[i]
		v.Base = unsafe.SliceData(datagrams[i].Payload)
		v.SetLen(len(datagrams[i].Payload))
	}
	return s.packets, datagrams
}

// call is one of the two system calls, which have the same arguments up to
// recvmmsg's timeout. It goes to the kernel by RawSyscall, as all calls that
// cannot block; a full Send of large datagrams over loopback, where it does the
// receiver's work too, takes 100 us and more.
func call(number uintptr, name string, fd FD, headers []unix.Mmsghdr, flags uintptr) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(number, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(headers))), uintptr(len(headers)), flags, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, ErrWouldBlock
		case unix.EINTR:
		default:
			return 0, os.NewSyscallError(name, errno)
		}
	}
}

// forget lets go of the caller's buffers.
func (p *packets) forget(count int) { clear(p.vectors[:count]) }

// Receive trusts a short one.
//
// Quirk(linux): recvmmsg stops at an error of the network too, after some
// datagrams, and puts it back without raising an event. That error came while
// the call was under way, or it would have been the first thing to be met, and
// so raised an event of its own after the one that led here.
func (s *sockets) Receive(fd FD, into []Datagram) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	p, into := s.load(into)
	for i := range into {
		p.headers[i].Hdr.Namelen = unix.SizeofSockaddrAny
	}
	n, err := call(unix.SYS_RECVMMSG, "recvmmsg", fd, p.headers[:len(into)], 0)
	p.forget(len(into))
	for i := range into[:n] {
		h, d := &p.headers[i], &into[i]
		d.N = int(h.Len)
		d.Truncated = h.Hdr.Flags&unix.MSG_TRUNC != 0
		d.Peer = p.peer(i)
	}
	return n, err
}

// peer decodes the name that a datagram came with. A Unix socket without one
// leaves it as it was, with a length of 0.
func (p *packets) peer(i int) Addr {
	sa, length := &p.names[i], int(p.headers[i].Hdr.Namelen)
	switch {
	case length == 0:
		return Addr{}
	case sa.Addr.Family != unix.AF_UNIX:
		return ipAddr(sa)
	}
	path := unsafe.Slice((*byte)(unsafe.Pointer(&sa.Addr.Data)), length-2)
	switch {
	case len(path) == 0:
		return Addr{}
	case path[0] == 0: // an abstract name: all bytes count
		return Addr{Path: "@" + string(path[1:])}
	}
	for i, b := range path {
		if b == 0 {
			path = path[:i]
			break
		}
	}
	return Addr{Path: string(path)}
}

// send is Send, and reports whether an event comes after ErrWouldBlock.
//
// Quirk(linux): sendmmsg drops the error that stopped it after some datagrams. A
// refusal of earlier ones is then never told; the datagram that met it was not
// sent, and is in the rest that the caller tries next.
//
// Quirk(linux): where an unconnected Unix socket sends to one whose queue is
// full, it would block, and nothing tells when there is room: the kernel wakes
// only those who are connected to the receiver.
func (s *sockets) send(fd FD, out []Datagram) (n int, event bool, err error) {
	if len(out) == 0 {
		return 0, true, nil
	}
	p, out := s.load(out)
	ready := len(out)
	for i := range out {
		if err = p.address(i, out[i].Peer); err != nil {
			ready = i
			break
		}
	}
	if ready > 0 {
		n, err = p.dispatch(fd, out[:ready])
	}
	p.forget(len(out))
	return n, out[0].Peer.Path == "", err
}

// address encodes where a datagram goes. An IPv6 socket takes an IPv4 address as
// it is.
func (p *packets) address(i int, to Addr) error {
	sa, length := &p.names[i], 0
	switch ip := to.Addr().Unmap(); {
	case to == (Addr{}):
	case to.IsUnix():
		if len(to.Path) > maxUnixPath {
			return &net.AddrError{Err: fmt.Sprintf("path is over %d bytes", maxUnixPath), Addr: to.Path}
		}
		sa.Addr.Family = unix.AF_UNIX
		path := unsafe.Slice((*byte)(unsafe.Pointer(&sa.Addr.Data)), len(to.Path)+1)
		copy(path, to.Path)
		path[len(to.Path)] = 0
		length = 2 + len(path)
		if path[0] == '@' {
			path[0], length = 0, length-1
		}
	case ip.Is4():
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		*in = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: ip.As4()}
		setNetworkOrder(&in.Port, to.Port())
		length = unix.SizeofSockaddrInet4
	default:
		zone, err := zoneIndex(ip.Zone())
		if err != nil {
			return err
		}
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		*in = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: ip.As16(), Scope_id: zone}
		setNetworkOrder(&in.Port, to.Port())
		length = unix.SizeofSockaddrInet6
	}
	p.headers[i].Hdr.Namelen = uint32(length)
	return nil
}

func setNetworkOrder(to *uint16, port uint16) {
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(to))[:], port)
}
