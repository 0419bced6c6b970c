//go:build linux || darwin || freebsd

package poller

import "golang.org/x/sys/unix"

// These systems know an interface of IPv4 by its index.

func membership4(fd, option int, group [4]byte, index int) error {
	return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, option, &unix.IPMreqn{Multiaddr: group, Ifindex: int32(index)})
}

func multicastInterface4(fd, index int) error {
	return unix.SetsockoptIPMreqn(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_IF, &unix.IPMreqn{Ifindex: int32(index)})
}
