package poller

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Addr is the address of a stream socket: an IP address with a port, or, where
// that is not valid, the path of a Unix socket. On Linux a path that begins
// with @ names the abstract socket of that name.
type Addr struct {
	netip.AddrPort
	Path string
	// DualStack has effect on a listener at [::]: it takes IPv4 too. A system
	// that can only do one of them (OpenBSD and DragonFly by design, others
	// without IPv6) listens at 0.0.0.0.
	DualStack bool
}

// IsUnix reports whether a is a Unix socket's address.
func (a Addr) IsUnix() bool { return !a.AddrPort.IsValid() }

// Network is "tcp" or "unix".
func (a Addr) Network() string {
	if a.IsUnix() {
		return "unix"
	}
	return "tcp"
}

func (a Addr) String() string {
	if a.IsUnix() {
		return a.Path
	}
	return a.AddrPort.String()
}

// NetAddr is a as the net package's type: *net.TCPAddr or *net.UnixAddr.
func (a Addr) NetAddr() net.Addr {
	if a.IsUnix() {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a.AddrPort)
}

// maxUnixPath is the longest path that fits every system's sockaddr_un (104
// bytes on the BSDs, 108 on Linux, one of them for the final zero).
const maxUnixPath = 103

// ParseAddr reads an address without asking a name server. Networks are "tcp",
// "tcp4", "tcp6" and "unix". The host of a TCP address is an IP address or
// empty, which is the unspecified address: [::] for "tcp" and "tcp6". Under
// "tcp" [::], written out or not, includes IPv4, as in package net. Errors:
// *net.AddrError, net.UnknownNetworkError.
func ParseAddr(network, address string) (Addr, error) {
	switch network {
	case "unix":
		switch {
		case address == "":
			return Addr{}, &net.AddrError{Err: "missing path", Addr: address}
		case len(address) > maxUnixPath:
			return Addr{}, &net.AddrError{Err: fmt.Sprintf("path is over %d bytes", maxUnixPath), Addr: address}
		case strings.ContainsRune(address, 0):
			return Addr{}, &net.AddrError{Err: "path contains a zero byte", Addr: address}
		}
		return Addr{Path: address}, nil
	case "tcp", "tcp4", "tcp6":
	default:
		return Addr{}, net.UnknownNetworkError(network)
	}

	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return Addr{}, err
	}
	port, err := net.LookupPort(network, service)
	if err != nil {
		return Addr{}, &net.AddrError{Err: "invalid port", Addr: address}
	}
	if host == "" {
		ip := netip.IPv6Unspecified()
		if network == "tcp4" {
			ip = netip.IPv4Unspecified()
		}
		return tcpAddr(network, ip, port), nil
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return Addr{}, &net.AddrError{Err: "not an IP address", Addr: address}
	}
	ip = ip.Unmap()
	if network == "tcp4" && !ip.Is4() || network == "tcp6" && !ip.Is6() {
		return Addr{}, &net.AddrError{Err: "address does not belong to " + network, Addr: address}
	}
	return tcpAddr(network, ip, port), nil
}

func tcpAddr(network string, ip netip.Addr, port int) Addr {
	return Addr{
		AddrPort:  netip.AddrPortFrom(ip, uint16(port)),
		DualStack: network == "tcp" && ip == netip.IPv6Unspecified(),
	}
}

// errZone: an IPv6 zone that names no interface.
var errZone = errors.New("no such network interface")
