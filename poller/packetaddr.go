package poller

import "net"

// ParsePacketAddr is [ParseAddr] for datagrams: the networks are "udp", "udp4",
// "udp6" and "unixgram". It is a function of its own because an [Addr] does not
// remember its network: whoever opens streams cannot be given a datagram
// socket's address by mistake.
func ParsePacketAddr(network, address string) (Addr, error) {
	switch network {
	case "unixgram":
		return parsePath(address)
	case "udp", "udp4", "udp6":
		return parseHostPort(network, address)
	}
	return Addr{}, net.UnknownNetworkError(network)
}

// PacketNetwork is "udp" or "unixgram".
func (a Addr) PacketNetwork() string {
	if a.IsUnix() {
		return "unixgram"
	}
	return "udp"
}

// PacketAddr is a as the net package's type for datagrams: *net.UDPAddr or
// *net.UnixAddr.
func (a Addr) PacketAddr() net.Addr {
	if a.IsUnix() {
		return &net.UnixAddr{Name: a.Path, Net: "unixgram"}
	}
	return net.UDPAddrFromAddrPort(a.AddrPort)
}
