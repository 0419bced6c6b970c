package reactor

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
)

// Conn is a stream connection that calls its Handler. It comes from a Listener
// or from Loop.Dial. All methods belong to the loop's goroutine; on a closed
// connection they return net.ErrClosed and touch no descriptor.
//
// A Conn without unsent or unconsumed bytes holds no buffer: it is about 200
// bytes.
type Conn struct {
	src     Source
	handler Handler
	opts    *ConnOptions // shared by all connections of a listener

	state   connState
	input   inputState
	output  outputState
	paused  pauseReasons
	dirty   bool // is in Loop.dirty
	carried bool // is in Loop.next
	reoffer bool // the handler has not said no to all of unconsumed
	abort   bool // the descriptor is closed with a reset

	out        outbound
	unconsumed []byte // kept for the handler; see conn_read.go
	peer       netip.AddrPort
	reason     error
	listener   *Listener // nil for a dialled connection
	next, prev *Conn     // connList
}

// connState is where a connection is in its life.
//
//	    dial                       accept
//	     |                           |
//	     v       established         v
//	connecting ----------------->  open
//	     |                           |  Close
//	     |                           v
//	     |                       draining   queued bytes go out,
//	     |                           |      input is thrown away
//	     |                           |  all sent: FIN
//	     |                           v
//	     |                       lingering  up to the peer's FIN
//	     |                           |
//	     v    error, Abort, panic,   v
//	   closed <-- (from any) ---- closed
//
// A reset, an abort, or the end of the drain time leads to closed from
// everywhere. Half-closes are not states of the connection but of its two
// directions: see inputState and outputState.
type connState uint8

const (
	connConnecting connState = iota
	connOpen
	connDraining
	connLingering
	connClosed
)

func (s connState) String() string {
	return [...]string{"connecting", "open", "draining", "lingering", "closed"}[s]
}

// inputState is the incoming direction.
type inputState uint8

const (
	inputOpen  inputState = iota
	inputEnded            // the peer's FIN was read
)

// outputState is the outgoing direction.
//
//	open --CloseWrite, Close--> ending --queue empty, FIN--> ended
//	  \------------- write error ------------> broken
type outputState uint8

const (
	outputOpen   outputState = iota
	outputEnding             // FIN follows what is queued
	outputEnded              // FIN was sent
	outputBroken             // the kernel refused; what the peer sent before is still read
)

// pauseReasons are why a connection is not read, a set.
type pauseReasons uint8

const (
	pausedByUser   pauseReasons = 1 << iota // PauseRead
	pausedByOutput                          // above the high-water mark
)

// connReader and connWriter are the connection as the waiter of its two
// directions: the same pointer, another method.
type (
	connReader Conn
	connWriter Conn
	connCarry  Conn
)

func (c *connReader) Ready(err error) { (*Conn)(c).onReadable(err) }
func (c *connWriter) Ready(err error) { (*Conn)(c).onWritable(err) }

// Run continues what a turn's budget interrupted.
func (c *connCarry) Run() { (*Conn)(c).resume() }

// newConn takes over fd, registered with the loop. It closes fd on an error.
func (l *Loop) newConn(fd poller.FD, peer poller.Addr, o *ConnOptions, state connState) (*Conn, error) {
	c := &Conn{opts: o, peer: peer.AddrPort, state: state}
	err := ErrLoopClosed
	if !l.ending() {
		err = l.Register(&c.src, fd)
	}
	if err != nil {
		_ = l.os.CloseFD(fd)
		return nil, err
	}
	if peer.IsUnix() {
		c.src.ReadOn() // a read ends where a descriptor was passed
	}
	l.conns.add(c)
	return c, nil
}

// open begins the connection's work: the handler, then the first wait.
func (c *Conn) open() {
	c.state = connOpen
	c.src.SetReady(Out) // a new connection's send buffer is empty
	c.enter()
	c.handler.OnOpen(c)
	c.leave()
	if len(c.unconsumed) > 0 { // from where the connection was before
		c.deliver(nil)
	}
	c.read() // what came together with the connect's outcome raises no second event
}

// enter and leave stand around every call of the handler, so that a panic is
// known to be this connection's.
func (c *Conn) enter() { c.src.loop.active = c }
func (c *Conn) leave() { c.src.loop.active = nil }

// Loop is the loop the connection is on.
func (c *Conn) Loop() *Loop { return c.src.loop }

// Handler is the connection's handler, SetHandler replaces it: a protocol can
// have one for each of its phases.
func (c *Conn) Handler() Handler { return c.handler }

// SetHandler replaces the handler from the next callback on.
func (c *Conn) SetHandler(h Handler) { c.handler = h }

// FD is the descriptor, for socket options; poller.NoFD once closed.
func (c *Conn) FD() poller.FD { return c.src.FD() }

// SetOption sets a socket option. Errors: net.ErrClosed, os.SyscallError.
func (c *Conn) SetOption(o poller.Option, value int) error {
	if !c.src.registered {
		return net.ErrClosed
	}
	return c.src.loop.os.SetOption(c.src.fd, o, value)
}

func (c *Conn) network() string {
	if c.peer.IsValid() {
		return "tcp"
	}
	return "unix"
}

// LocalAddr is this end's address: a *net.TCPAddr or *net.UnixAddr. It is
// asked of the kernel, so a closed connection has an empty one.
func (c *Conn) LocalAddr() net.Addr {
	if c.src.registered {
		if a, err := c.src.loop.os.LocalAddr(c.src.fd); err == nil {
			return a.NetAddr()
		}
	}
	return c.emptyAddr()
}

// RemoteAddr is the peer's address: a *net.TCPAddr or *net.UnixAddr. For TCP
// it outlives the connection.
func (c *Conn) RemoteAddr() net.Addr {
	if c.peer.IsValid() {
		return net.TCPAddrFromAddrPort(c.peer)
	}
	if c.src.registered {
		if a, err := c.src.loop.os.PeerAddr(c.src.fd); err == nil {
			return a.NetAddr()
		}
	}
	return c.emptyAddr()
}

func (c *Conn) emptyAddr() net.Addr {
	if c.peer.IsValid() {
		return &net.TCPAddr{}
	}
	return &net.UnixAddr{Net: "unix"}
}

// SetReadDeadline closes the connection with os.ErrDeadlineExceeded as the
// reason if the loop is still waiting for input at t. The zero time is none.
// Moving a deadline forward costs one store, so an idle limit may be set anew
// with every message.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(In, t) }

// SetWriteDeadline is the same for unsent bytes that the peer does not take. Both
// begin to count when the connection is established: a dial has a Timeout of its own.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(Out, t) }

// SetDeadline sets both.
func (c *Conn) SetDeadline(t time.Time) error {
	if err := c.setDeadline(In, t); err != nil {
		return err
	}
	return c.setDeadline(Out, t)
}

func (c *Conn) setDeadline(d Direction, t time.Time) error {
	if c.state == connClosed {
		return net.ErrClosed
	}
	at := c.src.loop.At(t)
	switch {
	case c.state == connConnecting && d == Out:
		c.src.needDeadlines().established = at
	case c.state == connOpen || c.state == connConnecting: // later on they are Close's
		c.src.SetDeadline(d, at)
	}
	return nil
}

func (c *Conn) String() string {
	return fmt.Sprintf("%s %v (%v)", c.network(), c.RemoteAddr(), c.state)
}

// connList holds a loop's connections.
type connList struct {
	first *Conn
	len   int
}

func (l *connList) add(c *Conn) {
	c.next = l.first
	if l.first != nil {
		l.first.prev = c
	}
	l.first = c
	l.len++
}

func (l *connList) remove(c *Conn) {
	if c.prev != nil {
		c.prev.next = c.next
	} else {
		l.first = c.next
	}
	if c.next != nil {
		c.next.prev = c.prev
	}
	c.next, c.prev = nil, nil
	l.len--
}

// all iterates; the body may close the connection it is at.
func (l *connList) all(yield func(*Conn) bool) {
	for c := l.first; c != nil; {
		next := c.next
		if !yield(c) {
			return
		}
		c = next
	}
}
