package coro

import (
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// socket is what a Conn and a PacketConn have in common.
type socket struct {
	src  reactor.Source
	loop *loop
	// busy: a task is in an operation, by direction.
	busy   [2]bool
	closed bool
	// closing: Close was called, perhaps from a goroutine that is no task and
	// whose call has not reached the loop yet.
	closing atomic.Bool
}

func (s *socket) base() *socket { return s }

func (s *socket) setDeadline(t time.Time, in, out bool) error {
	if s.closed {
		return net.ErrClosed
	}
	at := s.loop.reactor.At(t)
	if in {
		s.src.SetDeadline(reactor.In, at)
	}
	if out {
		s.src.SetDeadline(reactor.Out, at)
	}
	return nil
}

// address asks the system for one end's address, and reports false once the
// socket is closed.
func (s *socket) address(end func(poller.OS, poller.FD) (poller.Addr, error)) (a poller.Addr, ok bool) {
	_ = s.loop.do(func() error { // on a closed loop it stays empty
		if fd := s.src.FD(); fd != poller.NoFD {
			var err error
			a, err = end(s.loop.reactor.OS(), fd)
			ok = err == nil
		}
		return nil
	})
	return a, ok
}

// setter sets one option.
type setter func(poller.Option, int) error

func (s *socket) setOptions(fn func(set setter) error) error {
	return s.loop.do(func() error {
		if s.closed {
			return net.ErrClosed
		}
		fd, system := s.src.FD(), s.loop.reactor.OS()
		return fn(func(o poller.Option, value int) error { return system.SetOption(fd, o, value) })
	})
}

// duplicate is a second descriptor of the socket.
func (s *socket) duplicate() (*os.File, error) {
	fd := s.src.FD()
	if fd == poller.NoFD {
		return nil, net.ErrClosed
	}
	return duplicate(s.loop.reactor.OS(), fd)
}
