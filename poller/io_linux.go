package poller

import (
	"encoding/binary"
	"io"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below cannot block, since every descriptor is non-blocking, so
// they go to the kernel by RawSyscall: Go's scheduler is not told, which saves
// about 30 of 190 ns. It is package syscall's RawSyscall6 and not x/sys's, which
// comes to the same call through two more frames: 9 ns, and 130 bytes of a
// task's stack. The garbage collector waits for such a call to return,
// as for any stretch of code without a safepoint: microseconds.

// reusePort is the option that spreads connections over listeners. Linux
// hashes the addresses (since 3.9, see socket(7)).
const reusePort = unix.SO_REUSEPORT

const (
	tcpKeepIdle     = unix.TCP_KEEPIDLE
	tcpKeepInterval = unix.TCP_KEEPINTVL
	tcpKeepCount    = unix.TCP_KEEPCNT
)

// dualStack: an IPv6 listener can take IPv4 too.
const dualStack = true

// scratch is memory the calls below need for their arguments: on the heap once
// instead of once per call.
type scratch struct {
	vectors []unix.Iovec
	peer    unix.RawSockaddrAny
	peerLen uint32
	packets *packets // made by the first datagram
}

func newSocket(family, socketType int) (int, error) {
	fd, err := unix.Socket(family, socketType|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	return fd, os.NewSyscallError("socket", err)
}

func (s *sockets) Accept(listener FD) (FD, Addr, error) {
	for range acceptTries {
		s.peerLen = unix.SizeofSockaddrAny
		fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), uintptr(unsafe.Pointer(&s.peer)),
			uintptr(unsafe.Pointer(&s.peerLen)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if errno == 0 {
			return FD(fd), ipAddr(&s.peer), nil
		}
		if tryNext, err := acceptError(errno); !tryNext {
			return NoFD, Addr{}, err
		}
	}
	return NoFD, Addr{}, ErrWouldBlock
}

// ipAddr decodes an address that the kernel left, without an allocation for IP.
// For a Unix socket it is the zero Addr: the peer of an accepted one has a path
// only if it bound one, which no client does, so that is left to PeerAddr.
func ipAddr(sa *unix.RawSockaddrAny) Addr {
	switch sa.Addr.Family {
	case unix.AF_INET:
		sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return Addr{AddrPort: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), networkOrder(&sa.Port))}
	case unix.AF_INET6:
		sa := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return Addr{AddrPort: ipv6(sa.Addr, networkOrder(&sa.Port), sa.Scope_id)}
	}
	return Addr{}
}

func networkOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}

// Read uses recv(2), which is shorter inside the kernel than read(2) by the
// layer of files: 2 to 4 % of a whole echo, together with send(2).
func (s *sockets) Read(fd FD, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		if notSocket(errno) {
			n, _, errno = syscall.RawSyscall6(unix.SYS_READ, uintptr(fd),
				uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		}
		switch {
		case errno == 0:
			if n == 0 && len(p) > 0 {
				return 0, io.EOF
			}
			return int(n), nil
		case errno == unix.EAGAIN:
			return 0, ErrWouldBlock
		case errno != unix.EINTR:
			return 0, os.NewSyscallError("read", errno)
		}
	}
}

func (s *sockets) Peek(fd FD, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_PEEK, 0, 0)
		switch {
		case errno == 0:
			if n == 0 && len(p) > 0 {
				return 0, io.EOF
			}
			return int(n), nil
		case errno == unix.EAGAIN:
			return 0, ErrWouldBlock
		case errno != unix.EINTR:
			return 0, os.NewSyscallError("recvfrom", errno)
		}
	}
}

// Write uses send(2), see Read. Where it falls back to write(2), and in Writev,
// SIGPIPE is raised, and Go's runtime drops it; what ends a process on a broken
// standard output is os.File, not the signal. See the documentation of os/signal.
func (s *sockets) Write(fd FD, p []byte) (int, error) {
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
		if notSocket(errno) {
			n, _, errno = syscall.RawSyscall6(unix.SYS_WRITE, uintptr(fd),
				uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0)
		}
		if errno == unix.EINTR {
			continue
		}
		return written("write", n, errno)
	}
}

// notSocket reports that recv and send are not for this descriptor: a pipe, an
// eventfd. Each call on one is two system calls.
//
// Quirk(linux): before 4.3, 32-bit x86 and s390 have no such calls of their own.
func notSocket(errno unix.Errno) bool {
	return errno == unix.ENOTSOCK || errno == unix.ENOSYS
}

func (s *sockets) Writev(fd FD, bufs [][]byte) (int, error) {
	s.vectors = s.vectors[:0]
	for _, b := range bufs[:min(len(bufs), MaxVectors)] {
		v := unix.Iovec{Base: unsafe.SliceData(b)}
		v.SetLen(len(b))
		s.vectors = append(s.vectors, v)
	}
	for {
		n, _, errno := syscall.RawSyscall6(unix.SYS_WRITEV, uintptr(fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(s.vectors))), uintptr(len(s.vectors)), 0, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		clear(s.vectors) // or they would keep the caller's buffers alive
		return written("writev", n, errno)
	}
}

func written(call string, n uintptr, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN:
		return 0, ErrWouldBlock
	}
	return 0, os.NewSyscallError(call, errno)
}
