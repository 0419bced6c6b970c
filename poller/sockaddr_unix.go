//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// sockaddr is a in the form of the system calls, with its address family.
func (a Addr) sockaddr() (unix.Sockaddr, int, error) {
	if a.IsUnix() {
		if a.Path == "" {
			return nil, 0, &net.AddrError{Err: "missing address"}
		}
		return &unix.SockaddrUnix{Name: a.Path}, unix.AF_UNIX, nil
	}
	port := int(a.Port())
	if ip := a.Addr(); ip.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: ip.As4()}, unix.AF_INET, nil
	}
	zone, err := zoneIndex(a.Addr().Zone())
	return &unix.SockaddrInet6{Port: port, Addr: a.Addr().As16(), ZoneId: zone}, unix.AF_INET6, err
}

func addrOf(sa unix.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))}
	case *unix.SockaddrInet6:
		return Addr{AddrPort: ipv6(sa.Addr, uint16(sa.Port), sa.ZoneId)}
	case *unix.SockaddrUnix:
		return Addr{Path: sa.Name}
	}
	return Addr{}
}

// ipv6 gives a peer that reached a dual-stack listener over IPv4 its IPv4
// address back.
func ipv6(ip16 [16]byte, port uint16, zone uint32) netip.AddrPort {
	ip := netip.AddrFrom16(ip16).Unmap()
	if zone != 0 {
		ip = ip.WithZone(zoneName(zone))
	}
	return netip.AddrPortFrom(ip, port)
}
