package sim

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// The calls of poller.Sockets. Each checks its descriptor, leaves the work to
// the stream or the listener, and notes itself in the trace.

var errAddress = &net.AddrError{Err: "neither an IP address nor a path"}

func tooManyFiles(call string, errno syscall.Errno) error {
	return fmt.Errorf("%w: %w", poller.ErrTooManyFiles, os.NewSyscallError(call, errno))
}

// exhausted is the dial TooManyFiles.
func (o *system) exhausted(call string) error {
	if o.world.chance(o.process.host.knobs().TooManyFiles) {
		errno := syscall.EMFILE
		if o.world.rng.Uint32()&1 == 0 {
			errno = syscall.ENFILE
		}
		return tooManyFiles(call, errno)
	}
	return nil
}

func (o *system) Listen(at poller.Addr, lo poller.ListenOptions) (poller.FD, error) {
	p := o.process
	switch {
	case at.IsUnix() && at.Path == "":
		return poller.NoFD, errAddress
	case at.IsUnix() && lo.ReusePort:
		return poller.NoFD, fmt.Errorf("spreading over listeners of one path: %w", errors.ErrUnsupported)
	case p.dead:
		return poller.NoFD, os.NewSyscallError("socket", syscall.ENETDOWN)
	}
	if err := o.exhausted("socket"); err != nil {
		return poller.NoFD, err
	}
	l := &listener{process: p, addr: at, reusePort: lo.ReusePort, backlog: lo.Backlog, options: optionsOf(lo.SocketOptions)}
	if l.backlog <= 0 {
		l.backlog = defaultBacklog
	}
	if errno := l.bind(); errno != 0 {
		err := os.NewSyscallError("bind", errno)
		if at.IsUnix() {
			err = fmt.Errorf("%w: a server listens at %s: %w", poller.ErrPathInUse, at.Path, err)
		}
		return poller.NoFD, err
	}
	f, errno := p.newFile()
	if errno != 0 {
		l.close()
		return poller.NoFD, tooManyFiles("socket", errno)
	}
	f.listener, l.file = l, f
	o.world.note(p.host, actListen, f.fd, int(l.addr.Port()), nil)
	return f.fd, nil
}

func (o *system) Accept(listener poller.FD) (poller.FD, poller.Addr, error) {
	f, errno := o.process.file(listener)
	if errno == 0 && f.listener == nil {
		errno = syscall.EINVAL
	}
	if errno != 0 {
		return poller.NoFD, poller.Addr{}, os.NewSyscallError("accept", errno)
	}
	if len(f.listener.queue) == 0 {
		f.armed |= poller.Readable
		return poller.NoFD, poller.Addr{}, poller.ErrWouldBlock
	}
	if err := o.exhausted("accept"); err != nil {
		return poller.NoFD, poller.Addr{}, err
	}
	if o.process.used >= o.process.host.maxFiles {
		return poller.NoFD, poller.Addr{}, tooManyFiles("accept", syscall.EMFILE)
	}
	s := f.listener.accept()
	if s == nil {
		f.armed |= poller.Readable
		return poller.NoFD, poller.Addr{}, poller.ErrWouldBlock
	}
	accepted, _ := o.process.newFile()
	accepted.stream, s.file = s, accepted
	o.world.note(o.process.host, actAccept, accepted.fd, int(s.remote.Port()), nil)
	return accepted.fd, s.remote, nil
}

func (o *system) Connect(to poller.Addr, so poller.SocketOptions) (poller.FD, error) {
	var f *file
	err := o.exhausted("socket")
	switch {
	case err != nil:
	case o.process.dead:
		err = os.NewSyscallError("connect", syscall.ENETDOWN)
	case !to.IsUnix():
		f, err = o.process.connect(to, so)
	case to.Path != "":
		f, err = o.process.connectUnix(to, so)
	default:
		err = errAddress
	}
	if err != nil {
		return poller.NoFD, err
	}
	o.world.note(o.process.host, actDial, f.fd, int(to.Port()), nil)
	return f.fd, nil
}

func (o *system) ConnectResult(fd poller.FD) error {
	s, err := o.stream(fd, "getsockopt")
	switch {
	case err != nil:
		return err
	case s.state == streamConnecting:
		s.file.armed |= poller.Writable
		return poller.ErrWouldBlock
	case s.told != 0:
		s.err = 0
		return os.NewSyscallError("connect", s.told)
	}
	return nil
}

// stream finds a connection's descriptor.
func (o *system) stream(fd poller.FD, call string) (*stream, error) {
	f, errno := o.process.file(fd)
	if errno == 0 && f.stream == nil {
		errno = syscall.ENOTCONN
	}
	if errno != 0 {
		return nil, os.NewSyscallError(call, errno)
	}
	return f.stream, nil
}

func (o *system) Read(fd poller.FD, p []byte) (int, error) {
	s, err := o.stream(fd, "read")
	if err != nil {
		return 0, err
	}
	n, err := s.read(p, false)
	o.world.note(s.host, actRead, fd, n, err)
	return n, err
}

// Peek is Read that leaves the bytes.
func (o *system) Peek(fd poller.FD, p []byte) (int, error) {
	s, err := o.stream(fd, "peek")
	if err != nil {
		return 0, err
	}
	n, err := s.read(p, true)
	o.world.note(s.host, actPeek, fd, n, err)
	return n, err
}

func (o *system) Write(fd poller.FD, p []byte) (int, error) {
	s, err := o.stream(fd, "write")
	if err != nil {
		return 0, err
	}
	s.meetReset()
	n, err := s.write(p)
	o.world.note(s.host, actWrite, fd, n, err)
	return n, err
}

// Writev writes one slice after the other, up to the first that does not fit.
func (o *system) Writev(fd poller.FD, bufs [][]byte) (int, error) {
	s, err := o.stream(fd, "writev")
	if err != nil {
		return 0, err
	}
	s.meetReset()
	total := 0
	for _, p := range bufs[:min(len(bufs), poller.MaxVectors)] {
		var n int
		if n, err = s.write(p); err != nil {
			break
		}
		if total += n; n < len(p) {
			break
		}
	}
	if total > 0 {
		err = nil
	}
	o.world.note(s.host, actWrite, fd, total, err)
	return total, err
}

func (o *system) CloseWrite(fd poller.FD) error {
	s, err := o.stream(fd, "shutdown")
	if err != nil {
		return err
	}
	o.world.note(s.host, actFinish, fd, 0, nil)
	if errno := s.closeWrite(); errno != 0 {
		return os.NewSyscallError("shutdown", errno)
	}
	return nil
}

// CloseRead makes Read return io.EOF behind what is there. The peer is not told,
// and what it sends from now on is dropped, as by the BSDs.
func (o *system) CloseRead(fd poller.FD) error {
	s, err := o.stream(fd, "shutdown")
	if err != nil {
		return err
	}
	o.world.note(s.host, actFinish, fd, 1, nil)
	if errno := s.closeRead(); errno != 0 {
		return os.NewSyscallError("shutdown", errno)
	}
	return nil
}

func (o *system) CloseFD(fd poller.FD) error { return o.close(fd, false) }

func (o *system) Abort(fd poller.FD) error { return o.close(fd, true) }

func (o *system) close(fd poller.FD, abort bool) error {
	f, errno := o.process.file(fd)
	if errno != 0 {
		return os.NewSyscallError("close", errno)
	}
	o.world.note(o.process.host, actClose, fd, 0, nil)
	f.release()
	switch {
	case f.packets != nil:
		f.packets.close()
	case f.listener != nil:
		f.listener.close()
	default:
		f.stream.close(abort)
	}
	return nil
}

func (o *system) LocalAddr(fd poller.FD) (poller.Addr, error) {
	f, errno := o.process.file(fd)
	switch {
	case errno != 0:
		return poller.Addr{}, os.NewSyscallError("getsockname", errno)
	case f.listener != nil:
		a := f.listener.addr
		a.DualStack = false // a question of options, not of the name
		return a, nil
	case f.packets != nil:
		a := f.packets.local
		a.DualStack = false
		return a, nil
	}
	return f.stream.local, nil
}

func (o *system) PeerAddr(fd poller.FD) (poller.Addr, error) {
	if f, errno := o.process.file(fd); errno == 0 && f.packets != nil && f.packets.connected() {
		return f.packets.remote, nil
	}
	s, err := o.stream(fd, "getpeername")
	if err != nil {
		return poller.Addr{}, err
	}
	if s.state != streamOpen && !s.unix {
		return poller.Addr{}, os.NewSyscallError("getpeername", syscall.ENOTCONN)
	}
	return s.remote, nil
}
