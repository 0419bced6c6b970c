//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

func (s *sockets) JoinGroup(fd FD, group netip.Addr, networkInterface int) error {
	return membership(int(fd), group, networkInterface, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
}

func (s *sockets) LeaveGroup(fd FD, group netip.Addr, networkInterface int) error {
	return membership(int(fd), group, networkInterface, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
}

func membership(fd int, group netip.Addr, index, option4, option6 int) error {
	group = group.Unmap()
	if !group.IsMulticast() {
		return &net.AddrError{Err: "not a multicast group", Addr: group.String()}
	}
	var err error
	if group.Is4() {
		err = membership4(fd, option4, group.As4(), index)
	} else {
		if zone := group.Zone(); zone != "" && index == 0 {
			number, err := zoneIndex(zone)
			if err != nil {
				return err
			}
			index = int(number)
		}
		err = unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, option6,
			&unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(index)})
	}
	return os.NewSyscallError("setsockopt", err)
}

// setMulticast sets an option about groups. A socket of IPv6 may take IPv4 too,
// and has each of them twice: the IPv4 half fails where there is no such half.
//
// Quirk(bsd): the options of IPv4 are single bytes; Linux takes both sizes.
func setMulticast(fd int, o Option, value int) error {
	set4 := func() error {
		switch o {
		case MulticastTTL:
			return unix.SetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL, byte(value))
		case MulticastLoopback:
			return unix.SetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, byte(value))
		}
		return multicastInterface4(fd, value)
	}
	if o == MulticastTTL && (value < 0 || value > 255) {
		return os.NewSyscallError("setsockopt", unix.EINVAL)
	}
	switch family(fd) {
	case unix.AF_INET:
		return os.NewSyscallError("setsockopt", set4())
	case unix.AF_INET6:
		_ = set4()
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, multicastName6(o), value))
	}
	return fmt.Errorf("poller: set %v: %w", o, errors.ErrUnsupported)
}

func multicastOption(fd int, o Option) (int, error) {
	switch f := family(fd); {
	case f == unix.AF_INET6:
		value, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, multicastName6(o))
		return value, os.NewSyscallError("getsockopt", err)
	case f == unix.AF_INET && o == MulticastTTL:
		value, err := unix.GetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_TTL)
		return int(value), os.NewSyscallError("getsockopt", err)
	case f == unix.AF_INET && o == MulticastLoopback:
		value, err := unix.GetsockoptByte(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP)
		return int(value), os.NewSyscallError("getsockopt", err)
	}
	// IPv4 tells an address of the interface, not its index.
	return 0, fmt.Errorf("poller: read %v: %w", o, errors.ErrUnsupported)
}

func multicastName6(o Option) int {
	switch o {
	case MulticastTTL:
		return unix.IPV6_MULTICAST_HOPS
	case MulticastLoopback:
		return unix.IPV6_MULTICAST_LOOP
	}
	return unix.IPV6_MULTICAST_IF
}

// family is a socket's address family, AF_UNSPEC where nobody can tell.
func family(fd int) int {
	switch sa, _ := unix.Getsockname(fd); sa.(type) {
	case *unix.SockaddrInet4:
		return unix.AF_INET
	case *unix.SockaddrInet6:
		return unix.AF_INET6
	case *unix.SockaddrUnix:
		return unix.AF_UNIX
	}
	return unix.AF_UNSPEC
}
