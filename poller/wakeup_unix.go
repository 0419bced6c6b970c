//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"encoding/binary"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// wakeup coalesces wake-ups: however many goroutines call Wake, one write
// reaches the kernel until the loop has seen it.
//
//	goroutine                          loop
//	---------                          ----
//	pending: no -> yes   write(fd) ->  Wait returns the wake-up's event
//	pending: yes         (nothing)
//	                                   consume: pending = no
//	                                   Wait returns to the loop, which now
//	                                   looks at what it was woken for
//	pending: no -> yes   write(fd) ->  the next Wait returns at once
//
// Invariant: pending is reset before Wait returns, so whoever finds it set
// knows that the loop has not looked yet.
type wakeup struct {
	pending atomic.Bool

	mu     sync.Mutex // between a writer and close; the loop takes it once
	closed bool
	fd     int // where a write makes Wait return
	drain  int // the pipe's other end, which holds the writes; -1 for an eventfd
}

// newPipe makes w a pipe, for the backends without an eventfd. Its reading end
// is drain.
func (w *wakeup) newPipe() error {
	var p [2]int
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(p[:]); err != nil {
		return os.NewSyscallError("pipe", err)
	}
	for _, fd := range p {
		unix.CloseOnExec(fd)
		if err := unix.SetNonblock(fd, true); err != nil {
			unix.Close(p[0])
			unix.Close(p[1])
			return os.NewSyscallError("fcntl", err)
		}
	}
	w.drain, w.fd = p[0], p[1]
	return nil
}

func (w *wakeup) Wake() error {
	if w.pending.Swap(true) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	// An eventfd wants the number one in eight bytes; a pipe takes them too.
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for {
		_, err := unix.Write(w.fd, one[:])
		switch err {
		case nil, unix.EAGAIN: // EAGAIN: full of wake-ups nobody has seen yet
			return nil
		case unix.EINTR:
		default:
			return os.NewSyscallError("write", err)
		}
	}
}

// consume is called by Wait when it meets the wake-up's event. One write at
// most is in the pipe, so one read empties it.
func (w *wakeup) consume() {
	if w.drain >= 0 {
		var b [64]byte
		_, _ = unix.Read(w.drain, b[:]) // an empty pipe is as good
	}
	w.pending.Store(false)
}

// close reports whether it was the first: a second close of the same numbers
// would hit their next owners.
func (w *wakeup) close() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.closed = true
	unix.Close(w.fd)
	if w.drain >= 0 {
		unix.Close(w.drain)
	}
	return true
}
