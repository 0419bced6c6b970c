package coro

import (
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// SyscallConn gives access to the descriptor, for what no method here does. Its
// functions run on the loop, whoever calls: they must not block. A panic in one is the
// caller's, as a *PanicError if it had to be carried there, and so is a Goexit. Under
// Serve a Read or Write whose function was done counts as bytes. What they do to
// the descriptor's registration or its blocking mode is at the caller's peril.
// Error: errors.ErrUnsupported on a system whose descriptors are not the process's.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	err := c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		if _, ok := c.loop.reactor.OS().(poller.Duplicator); !ok {
			return errors.ErrUnsupported
		}
		c.more().shared = true
		return nil
	})
	if err != nil {
		return nil, c.opError("raw", err)
	}
	return rawConn{c}, nil
}

// rawConn is the access to a Conn's descriptor, or a PacketConn's.
type rawConn struct{ c rawSocket }

type rawSocket interface {
	base() *socket
	enter(t *task, d reactor.Direction) error
	leave(d reactor.Direction, n int)
	opError(op string, err error) error
}

func (r rawConn) Control(f func(fd uintptr)) error {
	s := r.c.base()
	return r.c.opError("raw-control", control(s.loop, &s.src, f))
}

// control calls f on the loop: as a task, if the caller is elsewhere, so that what
// goes wrong in f does not hit the loop.
func control(l *loop, s *reactor.Source, f func(fd uintptr)) error {
	call := func() error {
		fd := s.FD()
		if fd == poller.NoFD {
			return net.ErrClosed
		}
		f(uintptr(fd))
		return nil
	}
	if l.onLoop() {
		return call()
	}
	return l.asTask(func(*task) error { return call() })
}

// Read calls f, and while that returns false, again each time there may be bytes.
func (r rawConn) Read(f func(fd uintptr) (done bool)) error {
	return r.use("raw-read", reactor.In, f)
}

// Write is Read for room.
func (r rawConn) Write(f func(fd uintptr) (done bool)) error {
	return r.use("raw-write", reactor.Out, f)
}

func (r rawConn) use(name string, d reactor.Direction, f func(uintptr) bool) error {
	l := r.c.base().loop
	if t := l.currentTask(); t != nil {
		return r.c.opError(name, r.try(t, d, f))
	}
	return r.c.opError(name, l.asTask(func(t *task) error { return r.try(t, d, f) }))
}

// try is read or write with the caller's own system call. It is tried first
// without regard to what events have said: it may be about something else.
func (r rawConn) try(t *task, d reactor.Direction, f func(uintptr) bool) error {
	if err := r.c.enter(t, d); err != nil {
		return err
	}
	moved := 0
	defer func() { r.c.leave(d, moved) }()
	s := r.c.base()
	for {
		if s.closed {
			return net.ErrClosed
		}
		if s.src.Expired(d) {
			return os.ErrDeadlineExceeded
		}
		if f(uintptr(s.src.FD())) {
			moved = 1 // f does not say how much, and need not have: it is taken for a request, or an answer
			return nil
		}
		s.src.ClearReady(d)
		if err := t.await(&s.src, d); err != nil {
			return err
		}
	}
}

// SyscallConn gives access to the descriptor, as Conn.SyscallConn does. Only
// Control works; Read and Write are syscall.EINVAL, as with package net.
func (ln *Listener) SyscallConn() (syscall.RawConn, error) {
	err := ln.loop.do(func() error {
		if ln.closed {
			return net.ErrClosed
		}
		if _, ok := ln.loop.reactor.OS().(poller.Duplicator); !ok {
			return errors.ErrUnsupported
		}
		ln.shared = true
		return nil
	})
	if err != nil {
		return nil, ln.opError("raw", err)
	}
	return rawListener{ln}, nil
}

type rawListener struct{ ln *Listener }

func (r rawListener) Control(f func(fd uintptr)) error {
	return r.ln.opError("raw-control", control(r.ln.loop, &r.ln.src, f))
}

func (r rawListener) Read(func(uintptr) bool) error  { return syscall.EINVAL }
func (r rawListener) Write(func(uintptr) bool) error { return syscall.EINVAL }
