package poller

import (
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func (s *sockets) OpenPipe(size int) (Pipe, error) {
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_NONBLOCK|unix.O_CLOEXEC); err != nil {
		return Pipe{NoFD, NoFD}, exhausted{os.NewSyscallError("pipe2", err)}
	}
	// An error leaves the size that it has, 64 KiB: a user's pipes together
	// have a limit (/proc/sys/fs/pipe-user-pages-soft).
	_, _ = unix.FcntlInt(uintptr(ends[0]), unix.F_SETPIPE_SZ, size)
	return Pipe{Out: FD(ends[0]), In: FD(ends[1])}, nil
}

func (s *sockets) ClosePipe(p Pipe) {
	_ = s.CloseFD(p.Out)
	_ = s.CloseFD(p.In)
}

func (s *sockets) SpliceIn(p Pipe, fd FD, n int) (int, error) {
	moved, err := splice(fd, p.In, n)
	if moved == 0 && err == nil && n > 0 {
		err = io.EOF
	}
	return moved, err
}

func (s *sockets) SpliceOut(fd FD, p Pipe, n int) (int, error) { return splice(p.Out, fd, n) }

// splice moves pages, so it takes a third of a copy's time, and is sent to the
// kernel as a copy is: by RawSyscall.
//
// Quirk(linux): SPLICE_F_NONBLOCK is about the pipe; the socket is non-blocking
// by itself. EAGAIN does not tell which of the two was not ready, so the pipe of
// a SpliceIn has to be empty.
func splice(from, to FD, n int) (int, error) {
	for {
		moved, _, errno := syscall.RawSyscall6(unix.SYS_SPLICE, uintptr(from), 0, uintptr(to), 0,
			uintptr(n), unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
		switch errno {
		case 0:
			return int(moved), nil
		case unix.EAGAIN:
			return 0, ErrWouldBlock
		case unix.EINTR:
		default:
			return 0, transferError("splice", errno)
		}
	}
}

func (p *pollOS) SpliceIn(pipe Pipe, fd FD, n int) (int, error) {
	moved, err := p.sockets.SpliceIn(pipe, fd, n)
	if err == ErrWouldBlock {
		p.Rearm(fd, Readable)
	}
	return moved, err
}

func (p *pollOS) SpliceOut(fd FD, pipe Pipe, n int) (int, error) {
	moved, err := p.sockets.SpliceOut(fd, pipe, n)
	if err == ErrWouldBlock {
		p.Rearm(fd, Writable)
	}
	return moved, err
}
