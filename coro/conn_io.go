package coro

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// read is Read on a task: try, and where that would block, wait and try again.
func (c *Conn) read(t *task, p []byte) (int, error) {
	if err := c.enter(t, reactor.In); err != nil {
		return 0, err
	}
	defer c.leave(reactor.In)
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if c.src.Expired(reactor.In) {
			return 0, os.ErrDeadlineExceeded
		}
		n, err := c.src.Read(p)
		if err != poller.ErrWouldBlock {
			return n, err
		}
		if err := t.await(&c.src, reactor.In); err != nil {
			return 0, err
		}
	}
}

// write is Write on a task.
func (c *Conn) write(t *task, p []byte) (n int, err error) {
	if err := c.enter(t, reactor.Out); err != nil {
		return 0, err
	}
	defer c.leave(reactor.Out)
	for n < len(p) {
		if c.src.Expired(reactor.Out) {
			return n, os.ErrDeadlineExceeded
		}
		m, err := c.src.Write(p[n:])
		n += m
		if err == poller.ErrWouldBlock {
			err = t.await(&c.src, reactor.Out)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
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
	if !c.busy[d] {
		c.busy[d] = true
		return nil
	}
	if c.turns == nil {
		c.turns = new([2]waitQueue)
	}
	return c.turns[d].wait(t) // leave keeps the direction busy for it
}

func (c *Conn) leave(d reactor.Direction) {
	if c.turns == nil || !c.turns[d].wakeOne(nil) {
		c.busy[d] = false
	}
}

// copyBuffer is the size of the buffers of WriteTo, that of io.Copy's.
const copyBuffer = 32 << 10

// maxFreeBuffers is how many unused copy buffers a loop keeps: 2 MiB.
const maxFreeBuffers = 64

func (l *loop) takeBuffer() []byte {
	if n := len(l.buffers); n > 0 {
		b := l.buffers[n-1]
		l.buffers = l.buffers[:n-1]
		return b
	}
	return make([]byte, copyBuffer)
}

func (l *loop) giveBuffer(b []byte) {
	if len(l.buffers) < maxFreeBuffers {
		l.buffers = append(l.buffers, b)
	}
}

// WriteTo copies to w what the connection receives, up to its end, as
// io.WriterTo: io.Copy calls it. It holds a buffer of the loop's only while
// there are bytes in it, so an idle connection has none.
func (c *Conn) WriteTo(w io.Writer) (total int64, err error) {
	t := c.loop.currentTask()
	if t == nil {
		return io.Copy(w, readerOnly{c}) // with a buffer of io.Copy's
	}
	for {
		n, err := c.copyOnce(t, w)
		total += int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// readerOnly hides a connection's WriteTo.
type readerOnly struct{ io.Reader }

// copyOnce copies what is there, waiting for it without a buffer.
func (c *Conn) copyOnce(t *task, w io.Writer) (int, error) {
	if err := c.readable(t); err != nil {
		return 0, c.opError("read", err)
	}
	b := c.loop.takeBuffer()
	defer c.loop.giveBuffer(b)
	n, err := c.read(t, b)
	if err != nil {
		return 0, c.opError("read", err)
	}
	m, err := w.Write(b[:n])
	if err == nil && m < n {
		err = io.ErrShortWrite
	}
	return m, err
}

// readable waits until a read is worth trying.
func (c *Conn) readable(t *task) error {
	if c.src.Ready(reactor.In) {
		return nil
	}
	if err := c.enter(t, reactor.In); err != nil {
		return err
	}
	defer c.leave(reactor.In)
	if c.src.Ready(reactor.In) {
		return nil
	}
	return t.await(&c.src, reactor.In)
}

// opError is the form in which errors reach the user: io.EOF as it is,
// everything else as a *net.OpError.
func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if errors.Is(err, reactor.ErrLoopClosed) {
		err = net.ErrClosed // the loop has ended, and the connection with it
	}
	return &net.OpError{Op: op, Net: c.network(), Addr: c.RemoteAddr(), Err: err}
}
