package coro

import (
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
)

// Conn is a stream connection, TCP or Unix, as a net.Conn: from a task of its
// loop its methods suspend the task; from any other goroutine they are carried
// out by the loop while the caller waits, which is slower, and correct. (A task
// of another loop is such a caller too: it is suspended meanwhile, and cancelled
// with its own scope.)
//
// A second task that reads while one is reading waits for its turn, and so does
// a second writer: what one Write is given arrives in one piece.
//
// It has the methods of net.TCPConn, on a Unix socket as far as they make sense
// there.
//
// A parked task with its Conn is about 3 KB, most of it the coroutine's stack.
//
// Bound: 128 bytes, a size class of the allocator; see task.
type Conn struct {
	socket
	peer  netip.AddrPort // invalid for a Unix socket
	extra *connExtra
}

// connExtra is what few connections have.
type connExtra struct {
	turns    *[2]waitQueue // for tasks that wait for theirs to read or write
	server   *server       // Serve's, if it keeps account of the connection
	session  *session      // with deadlines of Serve's
	readable *readable     // under ServeReadable
	state    any           // see SetState
	shared   bool          // the descriptor was handed out, and may have a duplicate; see close
	lingers  bool          // SetLinger with seconds; see close
	// Of a readable's; here they take no room.
	phase    readablePhase
	consumed bool // this call of the handler has read something
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

// CloseRead shuts the incoming direction down: once what is there has been read,
// Read returns io.EOF. The peer is not told, and may go on sending.
func (c *Conn) CloseRead() error {
	return c.opError("close", c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		return c.loop.reactor.OS().CloseRead(c.src.FD())
	}))
}

// Close closes the connection; tasks that wait for it get net.ErrClosed. The
// kernel goes on sending what was written. It never suspends, and from a
// goroutine that is no task it does not wait for the loop either: a caller may
// hold a lock that a task is about to want, as net/http's Server does. What that
// goroutine calls next finds the connection closed.
func (c *Conn) Close() error {
	if c.loop.onLoop() {
		return c.opError("close", c.close())
	}
	if c.closing.Swap(true) || c.loop.send(func() { _ = c.close() }) != nil {
		return &net.OpError{Op: "close", Net: c.network(), Addr: c.emptyPeer(), Err: net.ErrClosed}
	}
	return nil
}

// close closes the descriptor in the way that fits it. Where it may have a
// duplicate the registration has to be ended first; see poller.Sockets.CloseFD.
func (c *Conn) close() error {
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.closing.Store(true)
	if c.extra == nil || !c.extra.shared && !c.extra.lingers {
		return c.src.Close()
	}
	last := c.closeElsewhere()
	fd, err := c.src.Deregister()
	err = errors.Join(err, c.loop.reactor.OS().CloseFD(fd))
	last()
	return err
}

// closeElsewhere makes the last close of a socket that lingers, which waits for
// the peer and would stop the loop meanwhile, that of a goroutine. Without a
// descriptor to spare the loop does wait.
//
// Order: the goroutine begins when the loop has closed its own descriptor.
func (c *Conn) closeElsewhere() (begin func()) {
	if c.extra.lingers {
		if file, err := c.duplicate(); err == nil {
			return func() { c.loop.helpers.Go(func() { _ = file.Close() }) }
		}
	}
	return func() {}
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

// emptyPeer is RemoteAddr of a closed connection.
func (c *Conn) emptyPeer() net.Addr {
	if c.peer.IsValid() {
		return net.TCPAddrFromAddrPort(c.peer)
	}
	return c.emptyAddr()
}

// address is one end's as the net package has it; nil once the connection is
// closed.
func (c *Conn) address(end func(poller.OS, poller.FD) (poller.Addr, error)) net.Addr {
	if a, ok := c.socket.address(end); ok {
		return a.NetAddr()
	}
	return nil
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
