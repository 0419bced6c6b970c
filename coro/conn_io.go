package coro

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// The functions below run deepest on a task's stack. It must stay at its first
// 2 KB, of which the runtime keeps one half to itself: so no deferred functions,
// few variables, nothing inlined that is rare, and a test that measures it.

// read is Read on a task: try, and where that would block, wait and try again.
func (c *Conn) read(t *task, p []byte) (n int, err error) {
	if err = c.enter(t, reactor.In); err != nil {
		return 0, err
	}
	for len(p) > 0 {
		if c.src.Expired(reactor.In) {
			err = os.ErrDeadlineExceeded
			break
		}
		if n, err = c.src.Read(p); err != poller.ErrWouldBlock {
			break
		}
		if err = t.await(&c.src, reactor.In); err != nil {
			break
		}
	}
	c.leave(reactor.In, n)
	return n, err
}

// write is Write on a task. Between two parts is a checkpoint: a peer that reads
// as fast as the task writes would keep it running for ever.
func (c *Conn) write(t *task, p []byte) (n int, err error) {
	if err = c.enter(t, reactor.Out); err != nil {
		return 0, err
	}
	for n < len(p) && err == nil {
		if c.src.Expired(reactor.Out) {
			err = os.ErrDeadlineExceeded
			break
		}
		var part int
		part, err = c.src.Write(p[n:])
		n += part
		if err == poller.ErrWouldBlock {
			err = t.await(&c.src, reactor.Out)
		} else if err == nil && n < len(p) {
			err = t.checkpoint()
		}
	}
	c.leave(reactor.Out, n)
	return n, err
}

// enter begins an operation: a checkpoint, then the task's turn at the
// direction. leave ends it.
func (c *Conn) enter(t *task, d reactor.Direction) error {
	if err := t.checkpoint(); err != nil {
		return err
	}
	if c.closed {
		return net.ErrClosed
	}
	if c.extra != nil && c.extra.session != nil && d == reactor.In {
		c.extra.session.reading()
		if t.scope.cause != nil {
			return t.scope.cause
		}
	}
	if !c.busy[d] {
		c.busy[d] = true
		return nil
	}
	return c.waitTurn(t, d)
}

// waitTurn waits for those that read or write already.
//
//go:noinline
func (c *Conn) waitTurn(t *task, d reactor.Direction) error {
	if c.more().turns == nil {
		c.extra.turns = new([2]waitQueue)
	}
	return c.extra.turns[d].wait(t.scope, t) // leave keeps the direction busy for it
}

// leave ends an operation that has transferred n bytes.
func (c *Conn) leave(d reactor.Direction, n int) {
	if c.extra == nil || !c.leaveExtra(d, n) {
		c.busy[d] = false
	}
}

// leaveExtra does what few connections need, and reports whether the direction
// has gone to a task that waited for it.
//
//go:noinline
func (c *Conn) leaveExtra(d reactor.Direction, n int) bool {
	if n > 0 {
		c.moved(d)
	}
	return c.extra.turns != nil && c.extra.turns[d].wakeOne(nil)
}

// opError is the form in which errors reach the user: io.EOF as it is,
// everything else as a *net.OpError.
//
//go:noinline
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errors.Is(err, reactor.ErrLoopClosed) {
		err = net.ErrClosed // the loop has ended, and the connection with it
	}
	return &net.OpError{Op: op, Net: c.network(), Source: c.address(poller.OS.LocalAddr), Addr: c.RemoteAddr(), Err: err}
}
