package reactor

import (
	"iter"
	"net"

	"github.com/weft-go/weft/poller"
)

// Connections that move from one loop to another, be it in another process:
//
//	Conn.Detach --> descriptor, bytes received --> Intake.Adopt
//
// What the peer sends meanwhile waits in the socket, which does not notice.

// Detach takes an open connection off its loop. The descriptor is the caller's,
// and so are the bytes that were received and that the handler has not consumed.
// OnClose is called at the end of the turn, with ErrDetached. A connection can be
// detached when it has nothing in flight: what was written has been given to the
// kernel, and neither side has finished sending.
//
// Errors: ErrInFlight, which may pass; net.ErrClosed; ErrRunning from inside a
// callback of the connection, where it is not settled what is consumed.
func (c *Conn) Detach() (poller.FD, []byte, error) {
	l := c.src.loop
	if l.active == c {
		return poller.NoFD, nil, ErrRunning
	}
	if c.state == connOpen {
		c.flush()
	}
	switch {
	case c.state != connOpen:
		return poller.NoFD, nil, net.ErrClosed
	case c.out.size > 0, c.output != outputOpen, c.input != inputOpen:
		return poller.NoFD, nil, ErrInFlight
	}
	received := c.unconsumed
	c.unconsumed, c.state, c.reason = nil, connClosed, ErrDetached
	c.src.Cancel(In)
	c.src.Cancel(Out)
	fd, _ := c.src.Deregister() // of what is registered: no error
	c.src.fd = poller.NoFD
	l.closing = append(l.closing, c)
	return fd, received, nil
}

// Unconsumed is the number of bytes that were received and that the handler has
// not consumed.
func (c *Conn) Unconsumed() int { return len(c.unconsumed) }

// Conns are the loop's connections, those about to close included. The body may
// close or detach the one it is given.
func (l *Loop) Conns() iter.Seq[*Conn] { return l.conns.all }

// Conns is the number of connections that the group's loops have accepted or
// adopted, and that have not ended. Any goroutine may call it.
func (g *Group) Conns() int {
	n := 0
	for _, l := range g.loops {
		n += int(l.load.Load())
	}
	return n
}

// Intake puts connections on a group's loops that were accepted elsewhere, each
// on the loop with the fewest. Any goroutine may call its methods.
type Intake struct {
	group *Group
	as    *Listener // what its connections count for; it listens to nothing
}

// NewIntake makes an intake. The connections get the handlers that handler
// makes, on their loops. Ended, if it is not nil, is called on a loop for every
// connection that has ended, after OnClose.
func (g *Group) NewIntake(o ConnOptions, handler func(*Conn) Handler, ended func()) *Intake {
	return &Intake{g, &Listener{loop: g.loops[0], conn: o.withDefaults(), handler: handler, ended: ended, state: listenerClosed}}
}

// Conns is the number of the intake's open connections.
func (in *Intake) Conns() int { return int(in.as.conns.Load()) }

// Adopt takes over a connected, non-blocking stream socket, and bytes that were
// received on it, which the handler is offered first. The handler function is the
// intake's if handler is nil. Errors: those of Loop.Post; the descriptor is then
// still the caller's.
func (in *Intake) Adopt(fd poller.FD, received []byte, handler func(*Conn) Handler) error {
	if handler == nil {
		handler = in.as.handler
	}
	l := in.group.idlestLoop()
	in.as.conns.Add(1)
	l.load.Add(1)
	err := l.Post(func() {
		peer, _ := l.os.PeerAddr(fd) // gone already: reading will tell
		l.adoptWith(in.as, fd, peer, handler, received)
	})
	if err != nil {
		in.as.conns.Add(-1)
		l.load.Add(-1)
	}
	return err
}
