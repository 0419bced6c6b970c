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

// How datagram sockets are opened. The calls on the path of every datagram are
// in packets_linux.go and packets_bsd.go.

func (s *sockets) ListenPacket(at Addr, o PacketOptions) (FD, error) {
	switch {
	case at == Addr{}:
		return NoFD, &net.AddrError{Err: "missing address"}
	case at.IsUnix():
		return openUnixgram(at, o)
	}
	return listenBoth(at, func(at Addr) (FD, error) { return openUDP(at, at, o) })
}

func (s *sockets) ConnectPacket(from, to Addr, o PacketOptions) (FD, error) {
	sa, _, err := to.sockaddr()
	if err != nil {
		return NoFD, err
	}
	var fd FD
	if to.IsUnix() {
		fd, err = openUnixgram(from, o)
	} else {
		if to.Addr().Is4() && from.Addr() == netip.IPv6Unspecified() {
			from.AddrPort = netip.AddrPortFrom(netip.IPv4Unspecified(), from.Port())
		}
		fd, err = openUDP(from, to, o)
	}
	if err != nil {
		return NoFD, err
	}
	if err := unix.Connect(int(fd), sa); err != nil {
		unix.Close(int(fd))
		if from.IsUnix() && from.Path != "" && from.Path[0] != '@' {
			_ = unix.Unlink(from.Path) // which was made a moment ago
		}
		return NoFD, os.NewSyscallError("connect", err)
	}
	return fd, nil
}

// openUDP opens a socket of the family of like, bound to at if that is valid.
func openUDP(at, like Addr, o PacketOptions) (FD, error) {
	if o.ReusePort && reusePort == 0 {
		return NoFD, fmt.Errorf("spreading over sockets of one port: %w", errors.ErrUnsupported)
	}
	_, family, err := like.sockaddr()
	if err != nil {
		return NoFD, err
	}
	fd, err := newSocket(family, unix.SOCK_DGRAM)
	if err != nil {
		return NoFD, err
	}
	set := func(level, option, value int) {
		if err == nil {
			err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
		}
	}
	if family == unix.AF_INET6 && dualStack {
		set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, boolInt(!at.DualStack))
	}
	set(unix.SOL_SOCKET, unix.SO_BROADCAST, 1) // as in package net
	if o.ReuseAddress {
		set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		if groupNeedsReusePort {
			set(unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		}
	}
	if o.ReusePort {
		set(unix.SOL_SOCKET, reusePort, 1)
	}
	if err == nil {
		err = o.applyBuffers(fd)
	}
	return bindPacket(fd, at, err)
}

// openUnixgram opens a socket bound to a path, or to none.
func openUnixgram(at Addr, o PacketOptions) (FD, error) {
	if o.ReusePort || o.ReuseAddress {
		return NoFD, fmt.Errorf("several sockets of one path: %w", errors.ErrUnsupported)
	}
	open := func() (FD, error) {
		fd, err := newSocket(unix.AF_UNIX, unix.SOCK_DGRAM)
		if err != nil {
			return NoFD, err
		}
		return bindPacket(fd, at, o.applyBuffers(fd))
	}
	if at.Path == "" {
		return open()
	}
	return takePath(at, unix.SOCK_DGRAM, open)
}

// bindPacket binds fd, unless at is the zero Addr or err tells of a failure, and
// closes fd after one.
func bindPacket(fd int, at Addr, err error) (FD, error) {
	if err == nil && at != (Addr{}) {
		var sa unix.Sockaddr
		if sa, _, err = at.sockaddr(); err == nil {
			err = os.NewSyscallError("bind", unix.Bind(fd, sa))
		}
	}
	if err != nil {
		unix.Close(fd)
		return NoFD, err
	}
	return FD(fd), nil
}

func (o PacketOptions) applyBuffers(fd int) error {
	return SocketOptions{Delay: true, SendBuffer: o.SendBuffer, ReceiveBuffer: o.ReceiveBuffer}.apply(fd, Addr{})
}

func (p *pollOS) Receive(fd FD, into []Datagram) (int, error) {
	n, err := p.sockets.Receive(fd, into)
	if err == ErrWouldBlock || err == nil && n < min(len(into), MaxDatagrams) {
		p.Rearm(fd, Readable)
	}
	return n, err
}

// Send does not arm where no event would come from the other backends either:
// poll(2) calls such a socket writable, at every Wait.
func (p *pollOS) Send(fd FD, out []Datagram) (int, error) {
	n, event, err := p.sockets.send(fd, out)
	if err == ErrWouldBlock && event {
		p.Rearm(fd, Writable)
	}
	return n, err
}

func (s *sockets) Send(fd FD, out []Datagram) (int, error) {
	n, _, err := s.send(fd, out)
	return n, err
}
