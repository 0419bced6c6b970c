//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package backend

import (
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// listen opens a blocking listening socket for the backends that do without a
// framework, and returns it with the address it is bound to. Accepted sockets
// inherit TCP_NODELAY from it.
func listen(addr string) (fd int, bound string, err error) {
	sa, family, err := sockaddr(addr)
	if err != nil {
		return -1, "", err
	}
	// No fork runs beside this: the server process starts no other.
	fd, err = unix.Socket(family, unix.SOCK_STREAM, 0)
	if err != nil {
		return -1, "", os.NewSyscallError("socket", err)
	}
	unix.CloseOnExec(fd)
	step := func(call string, e error) {
		if err == nil && e != nil {
			err = os.NewSyscallError(call, e)
		}
	}
	step("setsockopt", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1))
	step("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	if family == unix.AF_INET6 {
		step("setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0))
	}
	if err == nil {
		step("bind", unix.Bind(fd, sa))
	}
	if err == nil {
		step("listen", unix.Listen(fd, backlog))
	}
	if err == nil {
		bound, err = boundAddr(fd)
	}
	if err != nil {
		unix.Close(fd)
		return -1, "", &net.OpError{Op: "listen", Net: "tcp " + addr, Err: err}
	}
	return fd, bound, nil
}

// sockaddr translates host:port. An empty host is every address of the
// machine, of both families.
func sockaddr(addr string) (unix.Sockaddr, int, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, 0, err
	}
	if ip := tcp.IP.To4(); ip != nil {
		return &unix.SockaddrInet4{Port: tcp.Port, Addr: [4]byte(ip)}, unix.AF_INET, nil
	}
	sa := &unix.SockaddrInet6{Port: tcp.Port}
	copy(sa.Addr[:], tcp.IP)
	if tcp.Zone != "" {
		i, err := net.InterfaceByName(tcp.Zone)
		if err != nil {
			return nil, 0, err
		}
		sa.ZoneId = uint32(i.Index)
	}
	return sa, unix.AF_INET6, nil
}

// boundAddr is the listener's own address, with the port the kernel chose.
func boundAddr(fd int) (string, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "", os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String(), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)).String(), nil
	}
	return "", os.NewSyscallError("getsockname", unix.EAFNOSUPPORT)
}
