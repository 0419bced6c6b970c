package poller

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// Addr is the address of a socket: an IP address with a port, or, where that is
// not valid, the path of a Unix socket. On Linux a path that begins
// with @ names the abstract socket of that name.
type Addr struct {
	netip.AddrPort
	Path string
	// DualStack has effect on a socket bound to [::]: it takes IPv4 too. A system
	// that can only do one of them (OpenBSD and DragonFly by design, others
	// without IPv6) binds to 0.0.0.0.
	DualStack bool
}

// IsUnix reports whether a is a Unix socket's address.
func (a Addr) IsUnix() bool { return !a.AddrPort.IsValid() }

// Network is "tcp" or "unix", for the address of a stream.
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

// NetAddr is a as the net package's type for streams: *net.TCPAddr or
// *net.UnixAddr. PacketAddr is that for datagrams.
func (a Addr) NetAddr() net.Addr {
	if a.IsUnix() {
		return &net.UnixAddr{Name: a.Path, Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a.AddrPort)
}

// maxUnixPath is the longest path that fits every system's sockaddr_un (104
// bytes on the BSDs, 108 on Linux, one of them for the final zero).
const maxUnixPath = 103

// ParseAddr reads a stream's address without asking a name server; for datagrams there
// is ParsePacketAddr. Networks are "tcp",
// "tcp4", "tcp6" and "unix". The host of a TCP address is an IP address or
// empty, which is the unspecified address: [::] for "tcp" and "tcp6". Under
// "tcp" [::], written out or not, includes IPv4, as in package net. Errors:
// *net.AddrError, net.UnknownNetworkError.
func ParseAddr(network, address string) (Addr, error) {
	switch network {
	case "unix":
		return parsePath(address)
	case "tcp", "tcp4", "tcp6":
		return parseHostPort(network, address)
	}
	return Addr{}, net.UnknownNetworkError(network)
}

func parsePath(path string) (Addr, error) {
	switch {
	case path == "":
		return Addr{}, &net.AddrError{Err: "missing path", Addr: path}
	case len(path) > maxUnixPath:
		return Addr{}, &net.AddrError{Err: fmt.Sprintf("path is over %d bytes", maxUnixPath), Addr: path}
	case strings.ContainsRune(path, 0):
		return Addr{}, &net.AddrError{Err: "path contains a zero byte", Addr: path}
	}
	return Addr{Path: path}, nil
}

// parseHostPort reads an address of IP. The family is in the network's last
// letter.
func parseHostPort(network, address string) (Addr, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return Addr{}, err
	}
	port, err := net.LookupPort(network, service)
	if err != nil {
		return Addr{}, &net.AddrError{Err: "invalid port", Addr: address}
	}
	only4, only6 := strings.HasSuffix(network, "4"), strings.HasSuffix(network, "6")
	ip := netip.IPv6Unspecified()
	switch {
	case host != "":
		if ip, err = netip.ParseAddr(host); err != nil {
			return Addr{}, &net.AddrError{Err: "not an IP address", Addr: address}
		}
		ip = ip.Unmap()
	case only4:
		ip = netip.IPv4Unspecified()
	}
	if only4 && !ip.Is4() || only6 && !ip.Is6() {
		return Addr{}, &net.AddrError{Err: "address does not belong to " + network, Addr: address}
	}
	return Addr{
		AddrPort:  netip.AddrPortFrom(ip, uint16(port)),
		DualStack: !only4 && !only6 && ip == netip.IPv6Unspecified(),
	}, nil
}

// errZone: an IPv6 zone that names no interface.
var errZone = errors.New("no such network interface")
