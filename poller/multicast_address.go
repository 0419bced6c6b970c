//go:build netbsd || openbsd || dragonfly

package poller

import (
	"net"

	"golang.org/x/sys/unix"
)

// These systems know an interface of IPv4 by one of its addresses.

func membership4(fd, option int, group [4]byte, index int) error {
	at, err := interfaceAddress4(index)
	if err != nil {
		return err
	}
	return unix.SetsockoptIPMreq(fd, unix.IPPROTO_IP, option, &unix.IPMreq{Multiaddr: group, Interface: at})
}

func multicastInterface4(fd, index int) error {
	at, err := interfaceAddress4(index)
	if err != nil {
		return err
	}
	return unix.SetsockoptInet4Addr(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, at)
}

// interfaceAddress4 is an address of the interface, 0.0.0.0 for index 0. Error:
// ENODEV.
func interfaceAddress4(index int) (at [4]byte, err error) {
	if index == 0 {
		return at, nil
	}
	i, err := net.InterfaceByIndex(index)
	if err != nil {
		return at, unix.ENODEV
	}
	addrs, err := i.Addrs()
	if err != nil {
		return at, unix.ENODEV
	}
	for _, a := range addrs {
		if prefix, ok := a.(*net.IPNet); ok && prefix.IP.To4() != nil {
			return [4]byte(prefix.IP.To4()), nil
		}
	}
	return at, unix.ENODEV
}
