package reactor

import (
	"net"

	"github.com/weft-go/weft/poller"
)

// CloseWrite sends a FIN once everything queued is sent; reading goes on, up
// to the peer's own FIN, which then ends the connection. Errors: net.ErrClosed.
// A second call does nothing.
func (c *Conn) CloseWrite() error {
	if c.state != connOpen && c.state != connConnecting {
		return net.ErrClosed
	}
	if c.output == outputOpen {
		c.output = outputEnding
		c.markDirty()
	}
	return nil
}

// Close ends the connection in good order: what is queued is sent, then FIN,
// and the descriptor is closed when the peer's FIN has come, all within
// ConnOptions.DrainTimeout. Input that comes meanwhile is thrown away: closing
// with input unread would make the kernel send a reset, which destroys what the
// peer has not read yet. OnClose tells how it ended; OnData is not called any
// more. A connection that is still connecting is given up. Errors:
// net.ErrClosed when it is closing already.
func (c *Conn) Close() error {
	switch c.state {
	case connConnecting:
		c.finish(net.ErrClosed)
		return nil
	case connOpen:
	default:
		return net.ErrClosed
	}
	if c.output == outputBroken {
		c.finish(c.reason)
		return nil
	}
	c.state = connDraining
	c.unconsumed = nil
	// The drain time is watched on the outgoing direction, until FIN is sent.
	c.src.SetDeadline(In, 0)
	c.src.SetDeadline(Out, c.src.loop.After(c.opts.DrainTimeout))
	switch c.output {
	case outputOpen:
		c.output = outputEnding
	case outputEnded: // by CloseWrite
		c.linger()
	}
	c.paused = 0
	c.carry() // flush and read from the batch: a handler of this connection may be running
	return nil
}

// sendFIN ends the outgoing direction, everything having been sent.
func (c *Conn) sendFIN() {
	err := c.src.loop.os.CloseWrite(c.src.fd)
	c.output = outputEnded
	if err != nil && c.input != inputEnded { // ENOTCONN: reset meanwhile; reading tells how
		c.src.SetReady(In)
		c.carry()
	}
	if c.state == connDraining {
		c.linger()
	}
	c.finishIfEnded() // the peer's FIN may be here already
}

// linger waits for the peer's FIN. What is left of the drain time is watched on
// the incoming direction now.
func (c *Conn) linger() {
	c.state = connLingering
	if d := c.src.deadlines; d != nil {
		c.src.SetDeadline(In, d.at[Out])
		c.src.SetDeadline(Out, 0)
	}
}

// Abort closes the connection at once: what is queued is dropped, and the peer
// gets a reset (TCP). OnClose is given ErrAborted, in this turn or the next.
// Errors: net.ErrClosed.
func (c *Conn) Abort() error {
	if c.state == connClosed {
		return net.ErrClosed
	}
	c.abort = true
	c.finish(ErrAborted)
	return nil
}

// finish is the end of the connection from any state: it leaves the loop at
// once, so that no event reaches it, and the descriptor and OnClose follow at
// the end of the turn.
func (c *Conn) finish(reason error) {
	if c.state == connClosed {
		return
	}
	c.state = connClosed
	c.reason = reason
	c.unconsumed = nil
	if c.output != outputBroken {
		c.dropOutput()
	}
	if c.out.size > 0 {
		c.abort = true // a FIN here would tell the peer that it has everything
	}
	c.src.leave()
	l := c.src.loop
	l.closing = append(l.closing, c)
}

// closeNow is the last phase of the turn in which the connection ended.
func (c *Conn) closeNow() {
	l := c.src.loop
	switch {
	case c.src.fd == poller.NoFD: // Detach has given it away
	case c.abort:
		_ = l.os.Abort(c.src.fd)
	default:
		_ = l.os.CloseFD(c.src.fd)
	}
	l.conns.remove(c)
	if c.listener != nil {
		// Deferred: what the handler holds for this connection is gone before
		// the listener's limit lets another one in. OnClose may panic.
		defer c.listener.connClosed(l)
	}
	c.enter()
	c.handler.OnClose(c, c.reason)
	c.leave()
}
