//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// groupNeedsReusePort: sharing a port for multicast takes both options.
const groupNeedsReusePort = true

// Receive takes one datagram with each system call: none of these systems that
// has recvmmsg has it in x/sys.
func (s *sockets) Receive(fd FD, into []Datagram) (int, error) {
	for i := range into[:min(len(into), MaxDatagrams)] {
		d := &into[i]
		n, _, flags, from, err := unix.Recvmsg(int(fd), d.Payload, nil, 0)
		for err == unix.EINTR {
			n, _, flags, from, err = unix.Recvmsg(int(fd), d.Payload, nil, 0)
		}
		switch {
		case err == unix.EAGAIN && i == 0:
			return 0, ErrWouldBlock
		case err == unix.EAGAIN:
			return i, nil
		case err != nil:
			return i, os.NewSyscallError("recvmsg", err)
		}
		d.N, d.Truncated, d.Peer = n, flags&unix.MSG_TRUNC != 0, addrOf(from)
	}
	return min(len(into), MaxDatagrams), nil
}

// send is Send, and reports whether an event comes after ErrWouldBlock.
//
// Quirk(bsd): a Unix socket whose receiver's queue is full answers ENOBUFS, and
// nothing tells when there is room.
func (s *sockets) send(fd FD, out []Datagram) (n int, event bool, err error) {
	for i := range out[:min(len(out), MaxDatagrams)] {
		err := sendOne(int(fd), out[i])
		for err == unix.EINTR {
			err = sendOne(int(fd), out[i])
		}
		full := err == unix.ENOBUFS && isUnix(int(fd))
		switch {
		case err == nil:
		case err != unix.EAGAIN && !full:
			if errno, ok := err.(unix.Errno); ok {
				err = os.NewSyscallError("sendmsg", errno)
			}
			return i, true, err
		case i == 0:
			return 0, !full, ErrWouldBlock
		default:
			return i, true, nil
		}
	}
	return min(len(out), MaxDatagrams), true, nil
}

func sendOne(fd int, d Datagram) error {
	if d.Peer == (Addr{}) {
		_, err := unix.SendmsgN(fd, d.Payload, nil, nil, 0)
		return err
	}
	sa, _, err := d.Peer.sockaddr()
	if err != nil {
		return err
	}
	_, err = unix.SendmsgN(fd, d.Payload, nil, sa, 0)
	// A dual-stack socket wants an IPv4 address in the clothes of IPv6.
	if in, ok := sa.(*unix.SockaddrInet4); ok && (err == unix.EAFNOSUPPORT || err == unix.EINVAL) {
		mapped := netip.AddrFrom4(in.Addr).As16()
		_, err = unix.SendmsgN(fd, d.Payload, nil, &unix.SockaddrInet6{Port: in.Port, Addr: mapped}, 0)
	}
	return err
}

func isUnix(fd int) bool {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	_, ok := sa.(*unix.SockaddrUnix)
	return ok
}
