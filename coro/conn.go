package coro

import (
	"net"
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Conn is a stream connection, TCP or Unix, as a net.Conn: from a task of its
// loop its methods suspend the task; from any other goroutine they are carried
// out by the loop while the caller waits, which is slower, and correct. (A task
// of another loop is such a caller too, and its loop waits with it.)
//
// A second task that reads while one is reading waits for its turn, and so does
// a second writer: what one Write is given arrives in one piece.
//
// A parked task with its Conn is about 3 KB, most of it the coroutine's stack.
type Conn struct {
	src  reactor.Source
	loop *loop
	peer netip.AddrPort // invalid for a Unix socket
	// busy: a task is in Read or Write, by direction; turns is where others
	// wait for theirs, made by the first one that has to.
	busy   [2]bool
	turns  *[2]waitQueue
	closed bool
}

// newConn takes over fd. It closes fd on an error.
func (l *loop) newConn(fd poller.FD, peer poller.Addr) (*Conn, error) {
	c := &Conn{loop: l, peer: peer.AddrPort}
	if err := l.reactor.Register(&c.src, fd); err != nil {
		_ = l.reactor.OS().CloseFD(fd)
		return nil, err
	}
	if peer.IsUnix() {
		c.src.ReadOn() // a read ends where a descriptor was passed
	}
	return c, nil
}

// Read reads up to len(p) bytes, as net.Conn has it. Errors: io.EOF, and
// *net.OpError: errors.Is finds os.ErrDeadlineExceeded, net.ErrClosed,
// syscall.ECONNRESET, or the cause of a cancelled scope.
func (c *Conn) Read(p []byte) (n int, err error) {
	if t := c.loop.currentTask(); t != nil {
		n, err = c.read(t, p)
	} else {
		err = c.loop.asTask(func(t *task) error {
			var err error
			n, err = c.read(t, p)
			return err
		})
	}
	return n, c.opError("read", err)
}

// Write writes all of p, as net.Conn has it. On an error n tells how much. The
// errors are those of Read.
func (c *Conn) Write(p []byte) (n int, err error) {
	if t := c.loop.currentTask(); t != nil {
		n, err = c.write(t, p)
	} else {
		err = c.loop.asTask(func(t *task) error {
			var err error
			n, err = c.write(t, p)
			return err
		})
	}
	return n, c.opError("write", err)
}

// CloseWrite sends a FIN: the peer reads io.EOF, and may go on sending.
func (c *Conn) CloseWrite() error {
	return c.opError("close", c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		return c.loop.reactor.OS().CloseWrite(c.src.FD())
	}))
}

// Close closes the connection; tasks that wait for it get net.ErrClosed. The
// kernel goes on sending what was written. It never suspends.
func (c *Conn) Close() error {
	return c.opError("close", c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		c.closed = true
		return c.src.Close()
	}))
}

// SetDeadline sets both deadlines. An operation that would wait past its
// deadline fails with os.ErrDeadlineExceeded, and so do all later ones until
// another deadline is set; the zero time is none. A deadline is never early and
// up to a millisecond late.
func (c *Conn) SetDeadline(t time.Time) error {
	return c.setDeadlines(t, reactor.In, reactor.Out)
}

// SetReadDeadline is SetDeadline for Read.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadlines(t, reactor.In) }

// SetWriteDeadline is SetDeadline for Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadlines(t, reactor.Out) }

func (c *Conn) setDeadlines(t time.Time, directions ...reactor.Direction) error {
	return c.opError("set", c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		for _, d := range directions {
			c.src.SetDeadline(d, c.loop.reactor.At(t))
		}
		return nil
	}))
}

// LocalAddr is this end's address: a *net.TCPAddr or *net.UnixAddr, empty once
// the connection is closed.
func (c *Conn) LocalAddr() net.Addr {
	addr := c.emptyAddr()
	_ = c.loop.do(func() error { // on a closed loop it stays empty
		if a, err := c.loop.reactor.OS().LocalAddr(c.src.FD()); err == nil {
			addr = a.NetAddr()
		}
		return nil
	})
	return addr
}

// RemoteAddr is the peer's address: a *net.TCPAddr, also after Close, or a
// *net.UnixAddr.
func (c *Conn) RemoteAddr() net.Addr {
	if c.peer.IsValid() {
		return net.TCPAddrFromAddrPort(c.peer)
	}
	addr := c.emptyAddr()
	_ = c.loop.do(func() error {
		if a, err := c.loop.reactor.OS().PeerAddr(c.src.FD()); err == nil {
			addr = a.NetAddr()
		}
		return nil
	})
	return addr
}

func (c *Conn) emptyAddr() net.Addr {
	if c.peer.IsValid() {
		return &net.TCPAddr{}
	}
	return &net.UnixAddr{Net: "unix"}
}

func (c *Conn) network() string {
	if c.peer.IsValid() {
		return "tcp"
	}
	return "unix"
}
