//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// sockets is the part of Sockets that all Unix backends share. The calls on
// the path of every message, and how a descriptor is born non-blocking and
// close-on-exec, are in io_linux.go and io_bsd.go.
//
// It has no state but scratch space, so a backend that must learn of a
// would-block (poll(2)) wraps its methods.
type sockets struct{ scratch }

func (s *sockets) Listen(at Addr, o ListenOptions) (FD, error) {
	if at.IsUnix() {
		return listenUnix(at, o)
	}
	return listenBoth(at, func(at Addr) (FD, error) { return listenTCP(at, o) })
}

// listenBoth opens a socket at an address that may stand for IPv6 and IPv4.
func listenBoth(at Addr, open func(Addr) (FD, error)) (FD, error) {
	at.DualStack = at.DualStack && at.Addr() == netip.IPv6Unspecified()
	ipv4 := Addr{AddrPort: netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())}
	if at.DualStack && !dualStack {
		return open(ipv4)
	}
	fd, err := open(at)
	if at.DualStack && errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6
		return open(ipv4)
	}
	return fd, err
}

func listenTCP(at Addr, o ListenOptions) (FD, error) {
	if o.ReusePort && reusePort == 0 {
		return NoFD, fmt.Errorf("spreading over listeners of one port: %w", errors.ErrUnsupported)
	}
	sa, family, err := at.sockaddr()
	if err != nil {
		return NoFD, err
	}
	fd, err := newSocket(family, unix.SOCK_STREAM)
	if err != nil {
		return NoFD, err
	}
	// SO_REUSEADDR: a restarted server binds although old connections sit in
	// TIME_WAIT. Unlike on Windows it does not take the port from a listener.
	set := func(level, option, value int) {
		if err == nil {
			err = os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, option, value))
		}
	}
	set(unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if o.ReusePort {
		set(unix.SOL_SOCKET, reusePort, 1)
	}
	if family == unix.AF_INET6 {
		set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, boolInt(!at.DualStack))
	}
	if err == nil {
		err = o.SocketOptions.apply(fd, at)
	}
	return bindAndListen(fd, sa, o.Backlog, err)
}

func bindAndListen(fd int, sa unix.Sockaddr, backlog int, err error) (FD, error) {
	if backlog <= 0 {
		backlog = defaultBacklog
	}
	if err == nil {
		err = os.NewSyscallError("bind", unix.Bind(fd, sa))
	}
	if err == nil {
		err = os.NewSyscallError("listen", unix.Listen(fd, backlog))
	}
	if err != nil {
		unix.Close(fd)
		return NoFD, err
	}
	return FD(fd), nil
}

func (s *sockets) Connect(to Addr, o SocketOptions) (FD, error) {
	sa, family, err := to.sockaddr()
	if err != nil {
		return NoFD, err
	}
	fd, err := newSocket(family, unix.SOCK_STREAM)
	if err != nil {
		return NoFD, err
	}
	if err := o.apply(fd, to); err != nil {
		unix.Close(fd)
		return NoFD, err
	}
	err = unix.Connect(fd, sa)
	switch err {
	case nil, unix.EINPROGRESS, unix.EINTR: // EINTR: it goes on in the background all the same
		return FD(fd), nil
	case unix.EAGAIN:
		err = ErrBacklogFull
	}
	unix.Close(fd)
	return NoFD, os.NewSyscallError("connect", err)
}

// ConnectResult reads SO_ERROR, which alone tells how a connect ended:
// "writable" is said of success and of failure. It can be empty too early, on
// a spurious event, so success also takes a peer.
func (s *sockets) ConnectResult(fd FD) error {
	code, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return os.NewSyscallError("getsockopt", err)
	}
	switch errno := unix.Errno(code); errno {
	case 0:
	case unix.EINPROGRESS, unix.EALREADY, unix.EINTR:
		return ErrWouldBlock
	default:
		return os.NewSyscallError("connect", errno)
	}
	peer, err := unix.Getpeername(int(fd))
	if err == unix.ENOTCONN {
		// Not yet connected, or over since: a read knows which.
		var b [1]byte
		switch n, _, err := unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT); {
		case err == unix.EAGAIN, err == unix.ENOTCONN:
			return ErrWouldBlock
		case err != nil:
			return os.NewSyscallError("connect", err)
		case n == 0:
			// Over, and the reason was told to whoever asked before.
			return os.NewSyscallError("connect", unix.ENOTCONN)
		}
		return nil
	}
	if err != nil {
		return nil // without a peer's name, as for socketpairs on some systems
	}
	// TCP's simultaneous open lets a socket connect to itself, where the
	// kernel picks the wanted port as the source port on loopback. Nobody
	// listens there.
	if local, err := unix.Getsockname(int(fd)); err == nil {
		l, p := addrOf(local), addrOf(peer)
		if !l.IsUnix() && l.AddrPort == p.AddrPort {
			return os.NewSyscallError("connect", unix.ECONNREFUSED)
		}
	}
	return nil
}

func (s *sockets) CloseWrite(fd FD) error {
	return os.NewSyscallError("shutdown", unix.Shutdown(int(fd), unix.SHUT_WR))
}

func (s *sockets) CloseRead(fd FD) error {
	return os.NewSyscallError("shutdown", unix.Shutdown(int(fd), unix.SHUT_RD))
}

// CloseFD ignores EINTR: Linux and the BSDs have released the number all the
// same, and a second close could hit its next owner.
func (s *sockets) CloseFD(fd FD) error {
	if err := unix.Close(int(fd)); err != nil && err != unix.EINTR {
		return os.NewSyscallError("close", err)
	}
	return nil
}

func (s *sockets) Abort(fd FD) error {
	// An error here (a Unix socket has no RST to send) leaves a plain close.
	_ = setOption(int(fd), Linger, 0)
	return s.CloseFD(fd)
}

func (s *sockets) LocalAddr(fd FD) (Addr, error) {
	sa, err := unix.Getsockname(int(fd))
	if err != nil {
		return Addr{}, os.NewSyscallError("getsockname", err)
	}
	return addrOf(sa), nil
}

func (s *sockets) PeerAddr(fd FD) (Addr, error) {
	sa, err := unix.Getpeername(int(fd))
	if err != nil {
		return Addr{}, os.NewSyscallError("getpeername", err)
	}
	return addrOf(sa), nil
}

// acceptError tells what an accept(2) that failed means: try the next
// connection, wait, or report.
//
// Quirk(linux): accept passes on errors of the network that the new connection
// met; accept(2) asks to treat them as "try again". ECONNABORTED and EPROTO
// are connections that died in the queue, EPERM is a firewall's word.
func acceptError(errno unix.Errno) (tryNext bool, err error) {
	switch errno {
	case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.EPERM, unix.ENETDOWN, unix.ENOPROTOOPT,
		unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENETUNREACH:
		return true, nil
	case unix.EAGAIN:
		return false, ErrWouldBlock
	case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
		return false, exhausted{os.NewSyscallError("accept", errno)}
	}
	return false, os.NewSyscallError("accept", errno)
}

// acceptTries bounds how many dead connections one Accept passes over.
//
// Bound: each is a connection the kernel had queued, so the backlog is the
// natural limit; beyond it an error that never ends would spin.
const acceptTries = 4096
