package reactor

import (
	"io"
	"net"

	"github.com/weft-go/weft/poller"
)

// The incoming path:
//
//	kernel --Read--> Loop.readBuffer --OnData--> handler
//	                       |   not consumed        ^
//	                       '---> c.unconsumed -----'  with what comes next
//
// All connections of a loop read into one buffer, one after the other; only
// what a handler leaves is copied into memory of the connection's own.

// onReadable is the end of a wait for input.
func (c *Conn) onReadable(err error) {
	if err != nil {
		c.breakOff("read", err)
		return
	}
	c.read()
}

// read reads until nothing is left, the turn's budget is spent, or the
// connection must not be read. What the handler wrote goes out at the end.
func (c *Conn) read() {
	l := c.src.loop
	for budget := l.limits.BytesPerTurn; c.readable(); {
		if budget <= 0 {
			l.stats.Spent.Bytes++
			c.carry()
			break
		}
		n, err := c.src.Read(l.readBuffer)
		if n > 0 {
			budget -= n
			l.stats.BytesRead += uint64(n)
			if c.state == connOpen {
				c.deliver(l.readBuffer[:n])
				if l.poison {
					poison(l.readBuffer[:n])
				}
			}
		}
		if err != nil && err != poller.ErrWouldBlock {
			c.endInput(err)
			break
		}
	}
	c.flush()
	c.awaitInput()
}

// readable reports whether reading is wanted and worth trying.
func (c *Conn) readable() bool {
	return c.src.ready[In] && c.wantsInput()
}

func (c *Conn) wantsInput() bool {
	if c.input == inputEnded {
		return false
	}
	switch c.state {
	case connOpen:
		return c.paused == 0
	case connDraining, connLingering: // to be thrown away
		return true
	}
	return false
}

// awaitInput waits for the next event, if the connection is to be read at all.
func (c *Conn) awaitInput() {
	if !c.wantsInput() || c.src.ready[In] || c.src.waiters[In] != nil {
		return
	}
	if err := c.src.Await(In, (*connReader)(c)); err != nil {
		c.breakOff("read", err) // the deadline has passed already
	}
}

// carry puts the rest of the connection's work into the next turn's batch: no
// event will come for bytes that are there already.
func (c *Conn) carry() {
	if !c.carried {
		c.carried = true
		c.src.loop.carry((*connCarry)(c))
	}
}

// resume continues after carry, or after a pause.
func (c *Conn) resume() {
	c.carried = false
	if c.state == connClosed {
		return
	}
	if c.reoffer && c.state == connOpen && c.paused == 0 {
		c.reoffer = false
		c.deliver(nil)
	}
	c.read()
}

// deliver offers the handler what it has not consumed and data, as one slice,
// for as long as it consumes some of it.
func (c *Conn) deliver(data []byte) {
	kept := len(c.unconsumed) > 0
	if kept {
		c.unconsumed = append(c.unconsumed, data...)
		data = c.unconsumed
	}
	for len(data) > 0 && c.state == connOpen && c.paused == 0 {
		c.enter()
		n := c.handler.OnData(c, data)
		if n < 0 || n > len(data) {
			panic("reactor: OnData consumed more bytes than it was given, or fewer than none")
		}
		c.leave()
		if c.src.loop.poison {
			poison(data[:n])
		}
		data = data[n:]
		if n == 0 {
			break
		}
	}
	c.keep(data, kept)
}

// keep holds on to what the handler left.
func (c *Conn) keep(rest []byte, kept bool) {
	switch {
	case len(rest) == 0 || c.state != connOpen:
		c.unconsumed = nil
	case len(rest) > c.opts.MaxUnconsumed && c.paused == 0:
		c.unconsumed = nil
		c.finish(c.opError("read", ErrInputLimit))
	case kept && !c.src.loop.poison && cap(c.unconsumed) <= max(unconsumedKeep, 4*len(rest)):
		// Moved to the front, or appending would grow the array for ever.
		c.unconsumed = c.unconsumed[:copy(c.unconsumed, rest)]
	default:
		c.unconsumed = append([]byte(nil), rest...)
		if c.src.loop.poison {
			poison(rest)
		}
	}
}

// unconsumedKeep is the size up to which the array of the unconsumed bytes is
// used again, however few they have become.
//
// Bound: one full read buffer behind a message's beginning; allocating it anew
// for every read would cost more than it holds.
const unconsumedKeep = 128 << 10

// poison makes a handler that keeps the loop's buffer show it.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}

// endInput is the end of what the peer sends: its FIN, or an error.
func (c *Conn) endInput(err error) {
	switch {
	case c.output == outputBroken: // the reason for closing is known already
		c.finish(c.reason)
	case err != io.EOF:
		c.finish(c.opError("read", err))
	case c.state == connOpen:
		c.input = inputEnded
		c.unconsumed = nil // was offered, and the handler wanted more; none will come
		c.enter()
		c.handler.OnEOF(c)
		c.leave()
		c.finishIfEnded()
	default: // draining: the rest is still to be sent
		c.input = inputEnded
		c.finishIfEnded()
	}
}

// finishIfEnded closes a connection whose two directions have ended.
func (c *Conn) finishIfEnded() {
	if c.input == inputEnded && c.output == outputEnded && c.state != connClosed {
		c.finish(nil)
	}
}

// PauseRead stops reading, and with it calls of OnData and OnEOF, until
// ResumeRead. The kernel's buffer fills up, then the peer has to wait. While
// reading is paused, the end of the connection goes unnoticed unless a write
// meets it. Errors: net.ErrClosed, also after Close.
func (c *Conn) PauseRead() error {
	if c.state > connOpen {
		return net.ErrClosed
	}
	c.paused |= pausedByUser
	c.src.Cancel(In)
	return nil
}

// ResumeRead ends PauseRead. What was kept meanwhile is offered in the next
// turn. Errors: as for PauseRead.
func (c *Conn) ResumeRead() error {
	if c.state > connOpen {
		return net.ErrClosed
	}
	c.unpause(pausedByUser)
	return nil
}

func (c *Conn) unpause(why pauseReasons) {
	if c.paused&why == 0 {
		return
	}
	c.paused &^= why
	if c.paused == 0 {
		c.reoffer = true
		c.carry()
	}
}
