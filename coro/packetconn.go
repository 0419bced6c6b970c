package coro

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// PacketConn is a datagram socket, UDP or Unix, as a net.PacketConn and, made by
// DialPacket, a net.Conn. It may be used from everywhere, as a Conn: a task of its
// loop is suspended, any other goroutine is carried out for. Operations of one
// direction take turns, first come, first served.
//
// Each operation is about one datagram, whole, an empty one too: io.EOF never
// comes. [PacketConn.ReadBatch] and [PacketConn.WriteBatch] are about many, in one
// system call on Linux, which is what makes a busy server fast.
//
// What the network reports about a datagram, as that nobody listens where it went
// (syscall.ECONNREFUSED, on a connected socket), is the error of some later
// operation, once. The socket goes on.
type PacketConn struct {
	socket
	local   poller.Addr
	peer    poller.Addr // the zero Addr, if it is not connected
	network string      // as it was asked for
	path    reactor.PathGuard
	turns   [2]waitQueue          // for tasks that wait for theirs, by direction
	one     [2][1]poller.Datagram // of the operation that is about a single one, by direction
	stats   PacketStats
	shared  bool // the descriptor was handed out, and may have a duplicate
}

// PacketStats are the counters of a PacketConn.
type PacketStats struct {
	// Received and Sent are datagrams, Receives and Sends the system calls that
	// moved them, on a system that moves many with one.
	Received, Sent  uint64
	Receives, Sends uint64
	// Truncated is how many of the received ones had too little room.
	Truncated uint64
}

// newPacketConn takes over fd. It closes fd on an error.
func (l *loop) newPacketConn(fd poller.FD, network string, peer poller.Addr) (*PacketConn, error) {
	system := l.reactor.OS()
	c := &PacketConn{network: network, peer: peer}
	c.loop = l
	var err error
	if c.local, err = system.LocalAddr(fd); err == nil {
		c.path = reactor.GuardPath(system, c.local)
		err = l.reactor.Register(&c.src, fd)
	}
	if err != nil {
		c.path.Remove()
		_ = system.CloseFD(fd)
		return nil, err
	}
	c.src.SetReady(reactor.Out) // or the first datagram would wait for a turn of the loop
	l.packets[c] = struct{}{}
	return c, nil
}

// ReadFrom suspends the task until there is a datagram, copies it to p, and tells
// who sent it: a *net.UDPAddr, or a *net.UnixAddr, nil for a Unix socket without a
// name. An IPv4 sender has an IPv4 address, on a socket for both too.
//
// Of a datagram that is longer than p the rest is lost without a word, as with
// package net on these systems: code that gives it just the room for what it
// expects must not meet an error that no other net.PacketConn has. ReadBatch tells,
// and so does Stats.
//
// Errors: *net.OpError: errors.Is finds os.ErrDeadlineExceeded, net.ErrClosed,
// syscall.ECONNREFUSED, or the cause of a cancelled scope; ErrNotTask on the loop's
// own goroutine.
func (c *PacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, from, err := c.receiveOne(p)
	if err != nil || from == (poller.Addr{}) {
		return n, nil, err
	}
	return n, from.PacketAddr(), err
}

// ReadFromUDPAddrPort is ReadFrom without an allocation. On a Unix socket the
// address is the zero one.
func (c *PacketConn) ReadFromUDPAddrPort(p []byte) (n int, from netip.AddrPort, err error) {
	n, peer, err := c.receiveOne(p)
	return n, peer.AddrPort, err
}

// Read is ReadFrom for who knows the sender.
func (c *PacketConn) Read(p []byte) (int, error) {
	n, _, err := c.receiveOne(p)
	return n, err
}

// WriteTo sends p to an address, a *net.UDPAddr or *net.UnixAddr. It suspends the
// task while there is no room: in the socket's own buffer, or, with Unix sockets, in
// the receiver's. That of UDP loses what it has no room for.
//
// Errors: *net.OpError: errors.Is finds those of ReadFrom, syscall.EMSGSIZE for a
// datagram that is too large, syscall.ENOBUFS for one that the system lost,
// net.ErrWriteToConnected.
func (c *PacketConn) WriteTo(p []byte, addr net.Addr) (int, error) {
	to, err := c.destination(addr)
	if err != nil {
		return 0, &net.OpError{Op: "write", Net: c.network, Source: c.LocalAddr(), Addr: addr, Err: err}
	}
	return c.sendOne(p, to)
}

// WriteToUDPAddrPort is WriteTo without an allocation.
func (c *PacketConn) WriteToUDPAddrPort(p []byte, to netip.AddrPort) (int, error) {
	if !to.IsValid() || c.local.IsUnix() {
		return 0, c.opError("write", syscall.EINVAL)
	}
	return c.sendOne(p, poller.Addr{AddrPort: to})
}

// Write sends p to the peer of a connected socket.
func (c *PacketConn) Write(p []byte) (int, error) { return c.sendOne(p, poller.Addr{}) }

// destination reads an address of package net. One of UDP without an IP address is
// this machine, as there. What our form of it cannot express is refused: a port of more
// than 16 bits would become another one, and an IP of no family no address at all.
func (c *PacketConn) destination(addr net.Addr) (poller.Addr, error) {
	switch to := addr.(type) {
	case *net.UDPAddr:
		if to == nil || c.local.IsUnix() || to.Port != int(uint16(to.Port)) {
			break
		}
		at := poller.Addr{AddrPort: to.AddrPort()}
		if len(to.IP) == 0 || at.Addr().IsUnspecified() {
			this := c.local
			this.AddrPort = netip.AddrPortFrom(c.local.Addr(), uint16(to.Port))
			at = loopback(this)
		}
		if !at.IsValid() {
			break
		}
		return at, nil
	case *net.UnixAddr:
		if to == nil || !c.local.IsUnix() || to.Name == "" {
			break
		}
		return poller.Addr{Path: to.Name}, nil
	}
	return poller.Addr{}, syscall.EINVAL
}

// Close closes the socket; tasks that wait for it get net.ErrClosed. A Unix socket's
// path is removed, if it is still this one's. It never suspends, and from a goroutine
// that is no task it does not wait for the loop; see Conn.Close.
func (c *PacketConn) Close() error {
	if c.loop.onLoop() {
		return c.opError("close", c.close())
	}
	if c.closing.Swap(true) {
		return c.opError("close", net.ErrClosed)
	}
	return c.opError("close", c.loop.send(func() { _ = c.close() }))
}

// close ends the registration first, where the descriptor may have a duplicate; see
// poller.Sockets.CloseFD.
func (c *PacketConn) close() error {
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	c.closing.Store(true)
	delete(c.loop.packets, c)
	c.path.Remove()
	if !c.shared {
		return c.src.Close()
	}
	fd, err := c.src.Deregister()
	return errors.Join(err, c.loop.reactor.OS().CloseFD(fd))
}

// SetDeadline sets both deadlines, as Conn's does. It ends the waiting for a
// datagram or for room; what can be done without waiting fails too once it has
// passed.
func (c *PacketConn) SetDeadline(t time.Time) error { return c.deadline(t, true, true) }

// SetReadDeadline is SetDeadline for what receives.
func (c *PacketConn) SetReadDeadline(t time.Time) error { return c.deadline(t, true, false) }

// SetWriteDeadline is SetDeadline for what sends.
func (c *PacketConn) SetWriteDeadline(t time.Time) error { return c.deadline(t, false, true) }

func (c *PacketConn) deadline(t time.Time, in, out bool) error {
	if c.loop.onLoop() { // without a closure: servers do this for every request
		return c.opError("set", c.setDeadline(t, in, out))
	}
	return c.opError("set", c.loop.do(func() error { return c.setDeadline(t, in, out) }))
}

// LocalAddr is the socket's own address: a *net.UDPAddr or *net.UnixAddr.
func (c *PacketConn) LocalAddr() net.Addr { return c.local.PacketAddr() }

// RemoteAddr is the peer's address, or nil if the socket is not connected.
func (c *PacketConn) RemoteAddr() net.Addr {
	if !c.connected() {
		return nil
	}
	return c.peer.PacketAddr()
}

func (c *PacketConn) connected() bool { return c.peer != poller.Addr{} }

// Stats are the socket's counters.
func (c *PacketConn) Stats() (stats PacketStats) {
	if c.loop.do(func() error { stats = c.stats; return nil }) != nil {
		stats = c.stats // the loop has ended, and counts no more
	}
	return stats
}

// opError is the form in which errors reach the user.
//
//go:noinline
func (c *PacketConn) opError(op string, err error) error { return c.opErrorTo(op, c.peer, err) }

func (c *PacketConn) opErrorTo(op string, to poller.Addr, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, reactor.ErrLoopClosed) {
		err = net.ErrClosed // the loop has ended, and the socket with it
	}
	failed := &net.OpError{Op: op, Net: c.network, Source: c.LocalAddr(), Err: err}
	if to != (poller.Addr{}) {
		failed.Addr = to.PacketAddr()
	}
	return failed
}
