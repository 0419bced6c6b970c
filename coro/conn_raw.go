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

type rawConn struct{ c *Conn }

func (r rawConn) Control(f func(fd uintptr)) error {
	return r.c.opError("raw-control", control(r.c.loop, &r.c.src, f))
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
	if t := r.c.loop.currentTask(); t != nil {
		return r.c.opError(name, r.c.try(t, d, f))
	}
	return r.c.opError(name, r.c.loop.asTask(func(t *task) error { return r.c.try(t, d, f) }))
}

// try is read or write with the caller's own system call. It is tried first
// without regard to what events have said: it may be about something else.
func (c *Conn) try(t *task, d reactor.Direction, f func(uintptr) bool) error {
	if err := c.enter(t, d); err != nil {
		return err
	}
	moved := 0
	defer func() { c.leave(d, moved) }()
	for {
		if c.closed {
			return net.ErrClosed
		}
		if c.src.Expired(d) {
			return os.ErrDeadlineExceeded
		}
		if f(uintptr(c.src.FD())) {
			moved = 1 // f does not say how much, and need not have: it is taken for a request, or an answer
			return nil
		}
		c.src.ClearReady(d)
		if err := t.await(&c.src, d); err != nil {
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
