package sim

import (
	"net/netip"

	"github.com/weft-go/weft/poller"
)

// hears reports whether a socket that is bound to at gets what is sent to a.
func hears(at poller.Addr, a netip.Addr) bool {
	switch at.Addr() {
	case a:
		return true
	case netip.IPv6Unspecified():
		return a.Is6() || at.DualStack
	case netip.IPv4Unspecified():
		return a.Is4()
	}
	return false
}

// overlap reports whether two sockets of one port would get the same.
func overlap(x, y poller.Addr) bool {
	a, b := x.Addr(), y.Addr()
	return hears(x, b) || hears(y, a) ||
		a.IsUnspecified() && b.IsUnspecified() && (x.DualStack || y.DualStack)
}

// sourceFor is the address that the host uses towards another one.
func (h *Host) sourceFor(to netip.Addr) (netip.Addr, bool) {
	if h.has(to) {
		return to, true
	}
	for _, a := range h.addrs {
		if a.Is4() == to.Is4() {
			return a, true
		}
	}
	return netip.Addr{}, false
}

func loopbackOf(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}
