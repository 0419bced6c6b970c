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
//
// Bound: 128 bytes, a size class of the allocator; see task.
type Conn struct {
	src   reactor.Source
	loop  *loop
	peer  netip.AddrPort // invalid for a Unix socket
	extra *connExtra
	// busy: a task is in Read or Write, by direction.
	busy   [2]bool
	closed bool
}

// connExtra is what few connections have.
type connExtra struct {
	turns    *[2]waitQueue // for tasks that wait for theirs to read or write
	server   *server       // Serve's, if it keeps account of the connection
	session  *session      // with deadlines of Serve's
	readable *readable     // under ServeReadable
	state    any           // see SetState
}

// more is the connection's extra, made if it has none.
//
//go:noinline
func (c *Conn) more() *connExtra {
	if c.extra == nil {
		c.extra = new(connExtra)
	}
	return c.extra
}

// newConn takes over fd. It closes fd on an error.
func (l *loop) newConn(fd poller.FD, peer poller.Addr) (*Conn, error) {
	c := new(Conn)
	if err := c.init(l, fd, peer); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Conn) init(l *loop, fd poller.FD, peer poller.Addr) error {
	c.loop, c.peer = l, peer.AddrPort
	if err := l.reactor.Register(&c.src, fd); err != nil {
		_ = l.reactor.OS().CloseFD(fd)
		return err
	}
	if peer.IsUnix() {
		c.src.ReadOn() // a read ends where a descriptor was passed
	}
	return nil
}

// Read reads up to len(p) bytes, as net.Conn has it. Errors: io.EOF, and
// *net.OpError: errors.Is finds os.ErrDeadlineExceeded, net.ErrClosed,
// syscall.ECONNRESET, or the cause of a cancelled scope; ErrNotTask on the
// loop's own goroutine, where waiting would stop the loop for ever.
func (c *Conn) Read(p []byte) (int, error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.fromOutside("read", p, (*Conn).read)
	}
	n, err := c.read(t, p)
	if err != nil {
		err = c.opError("read", err)
	}
	return n, err
}

// Write writes all of p, as net.Conn has it. On an error n tells how much. The
// errors are those of Read.
func (c *Conn) Write(p []byte) (int, error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.fromOutside("write", p, (*Conn).write)
	}
	n, err := c.write(t, p)
	if err != nil {
		err = c.opError("write", err)
	}
	return n, err
}

// fromOutside is an operation for a goroutine that is no task of the loop.
func (c *Conn) fromOutside(name string, p []byte, operation func(*Conn, *task, []byte) (int, error)) (n int, err error) {
	err = c.loop.asTask(func(t *task) error {
		var err error
		n, err = operation(c, t, p)
		return err
	})
	if err != nil {
		err = c.opError(name, err)
	}
	return n, err
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
func (c *Conn) Close() error { return c.opError("close", c.loop.do(c.close)) }

func (c *Conn) close() error {
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	return c.src.Close()
}

// SetDeadline sets both deadlines. An operation that would wait past its
// deadline fails with os.ErrDeadlineExceeded, and so do all later ones until
// another deadline is set; the zero time is none. A deadline is never early and
// up to a millisecond late.
func (c *Conn) SetDeadline(t time.Time) error { return c.deadline(t, true, true) }

// SetReadDeadline is SetDeadline for Read.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.deadline(t, true, false) }

// SetWriteDeadline is SetDeadline for Write.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.deadline(t, false, true) }

func (c *Conn) deadline(t time.Time, in, out bool) error {
	if c.loop.onLoop() { // without a closure: servers do this for every request
		return c.opError("set", c.setDeadline(t, in, out))
	}
	return c.opError("set", c.loop.do(func() error { return c.setDeadline(t, in, out) }))
}

func (c *Conn) setDeadline(t time.Time, in, out bool) error {
	if c.closed {
		return net.ErrClosed
	}
	at := c.loop.reactor.At(t)
	if in {
		c.src.SetDeadline(reactor.In, at)
	}
	if out {
		c.src.SetDeadline(reactor.Out, at)
	}
	return nil
}

// LocalAddr is this end's address: a *net.TCPAddr or *net.UnixAddr, empty once
// the connection is closed.
func (c *Conn) LocalAddr() net.Addr {
	if addr := c.address(poller.OS.LocalAddr); addr != nil {
		return addr
	}
	return c.emptyAddr()
}

// RemoteAddr is the peer's address: a *net.TCPAddr, also after Close, or a
// *net.UnixAddr, empty then.
func (c *Conn) RemoteAddr() net.Addr {
	if c.peer.IsValid() {
		return net.TCPAddrFromAddrPort(c.peer)
	}
	if addr := c.address(poller.OS.PeerAddr); addr != nil {
		return addr
	}
	return c.emptyAddr()
}

// address asks the system for one end's address; nil once the connection is
// closed.
func (c *Conn) address(end func(poller.OS, poller.FD) (poller.Addr, error)) (addr net.Addr) {
	_ = c.loop.do(func() error { // on a closed loop it stays nil
		if fd := c.src.FD(); fd != poller.NoFD {
			if a, err := end(c.loop.reactor.OS(), fd); err == nil {
				addr = a.NetAddr()
			}
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
