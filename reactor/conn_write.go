package reactor

import (
	"io"
	"net"

	"github.com/weft-go/weft/poller"
)

// The outgoing path:
//
//	handler --Write--> c.out --flush--> kernel
//
//	bytes in c.out
//	    |
//	    |- HardLimit  - - - closed with ErrSlowConsumer
//	    |
//	    |- HighWater  - - - the connection is no longer read
//	    |
//	    |- LowWater   - - - it is read again, OnWritable
//	    |
//	    0
//
// Write only queues. The flush comes at the end of the dispatch that wrote, or
// in the turn's flush phase, so that many small writes are one system call.

const (
	// gatherLimit is the number of queued bytes at which Write does not wait
	// for the end of the dispatch.
	//
	// Bound: beyond 16 KiB a system call costs less than the copy does, and
	// a handler that writes a gigabyte in one dispatch would gather it all.
	gatherLimit = 16 << 10

	// flushVectors is how many chunks one writev takes: 256 KiB.
	flushVectors = 64
)

// Write queues p to be sent and returns len(p). The bytes are copied, or sent
// already; p may be used again. Errors: net.ErrClosed after Close, Abort or the
// end of the connection, io.ErrClosedPipe after CloseWrite, ErrSlowConsumer
// when it closes the connection over ConnOptions.HardLimit; nothing of p is
// sent then, or only a part.
func (c *Conn) Write(p []byte) (int, error) {
	if err := c.writable(); err != nil {
		return 0, err
	}
	l := c.src.loop
	l.stats.BytesQueued += uint64(len(p))
	sent := 0
	if c.out.size+len(p) > gatherLimit && c.src.ready[Out] && c.state == connOpen {
		if sent = c.writeThrough(p); c.output != outputOpen {
			l.stats.BytesDiscarded += uint64(len(p) - sent)
			return sent, c.reason
		}
	}
	rest := p[sent:]
	if c.out.size+len(rest) > c.opts.HardLimit {
		l.stats.BytesDiscarded += uint64(len(rest))
		err := c.opError("write", ErrSlowConsumer)
		c.abort = true // a FIN here would tell the peer that it has everything
		c.finish(err)
		return sent, err
	}
	c.out.append(rest, &l.chunks)
	if c.out.size > c.opts.HighWater {
		c.paused |= pausedByOutput
		c.src.Cancel(In)
	}
	c.markDirty()
	return len(p), nil
}

// Writev is Write for the concatenation of bufs. It returns the bytes taken.
func (c *Conn) Writev(bufs [][]byte) (int, error) {
	total := 0
	for _, b := range bufs {
		n, err := c.Write(b)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (c *Conn) writable() error {
	switch {
	case c.state != connOpen && c.state != connConnecting:
		return net.ErrClosed
	case c.output == outputBroken:
		return c.reason
	case c.output != outputOpen:
		return io.ErrClosedPipe
	}
	return nil
}

// Unsent is the number of bytes that Write took and the kernel has not taken.
// In OnClose it is the number that was dropped.
func (c *Conn) Unsent() int { return c.out.size }

// writeThrough sends what is queued, then as much of p as the kernel takes,
// without a copy of p. It returns how much of p that was.
func (c *Conn) writeThrough(p []byte) (sent int) {
	c.flushQueue(len(p))
	for c.out.size == 0 && sent < len(p) && c.output == outputOpen && c.state == connOpen {
		n, err := c.src.Write(p[sent:])
		sent += n
		c.src.loop.stats.BytesWritten += uint64(n)
		if err == poller.ErrWouldBlock {
			break
		}
		if err != nil {
			c.breakOutput(err)
		}
	}
	return sent
}

// markDirty makes sure that the queue is flushed: at the end of the dispatch,
// if it is this connection's own handler that writes, otherwise in the flush
// phase.
func (c *Conn) markDirty() {
	l := c.src.loop
	if !c.dirty && l.active != c {
		c.dirty = true
		l.dirty = append(l.dirty, c)
	}
}

// flush sends what is queued, as far as the kernel takes it and the turn's
// budget goes, and does what hangs on the result: marks, FIN, the next wait.
func (c *Conn) flush() {
	if c.state == connClosed || c.state == connConnecting || c.output == outputBroken {
		return
	}
	if c.out.size > 0 {
		c.flushQueue(c.src.loop.limits.BytesPerTurn)
	}
	c.afterFlush()
}

// flushQueue sends queued bytes up to the budget.
func (c *Conn) flushQueue(budget int) {
	l := c.src.loop
	for c.out.size > 0 && c.src.ready[Out] && budget > 0 {
		n, err := c.flushOnce()
		c.out.drop(n, &l.chunks)
		l.stats.BytesWritten += uint64(n)
		budget -= n
		if err != nil && err != poller.ErrWouldBlock {
			c.breakOutput(err)
			return
		}
	}
}

func (c *Conn) flushOnce() (int, error) {
	k := c.out.head
	if k.next == nil {
		return c.src.Write(k.data[k.r:k.w])
	}
	l := c.src.loop
	if l.vectors == nil {
		l.vectors = make([][]byte, 0, flushVectors)
	}
	v := c.out.slices(l.vectors[:0])
	n, err := c.src.Writev(v)
	clear(v)
	return n, err
}

func (c *Conn) afterFlush() {
	switch {
	case c.state == connClosed || c.output == outputBroken: // just now
		return
	case c.out.size == 0:
		if c.output == outputEnding {
			c.sendFIN()
		}
	case c.src.ready[Out]: // over the budget
		c.src.loop.stats.Spent.Bytes++
		c.carry()
	case c.src.waiters[Out] == nil:
		if err := c.src.Await(Out, (*connWriter)(c)); err != nil {
			c.breakOff("write", err)
			return
		}
	}
	c.applyLowWater()
}

// applyLowWater undoes what Write did at the high-water mark.
func (c *Conn) applyLowWater() {
	if c.state == connOpen && c.paused&pausedByOutput != 0 && c.out.size < max(c.opts.LowWater, 1) {
		c.unpause(pausedByOutput)
		c.enter()
		c.handler.OnWritable(c)
		c.leave()
		c.markDirty() // for what OnWritable wrote, or a CloseWrite
	}
}

// onWritable is the end of a wait for room, or of a connect.
func (c *Conn) onWritable(err error) {
	switch {
	case c.state == connConnecting:
		c.connected(err)
	case err != nil:
		c.breakOff("write", err)
	default:
		c.flush()
	}
}

// breakOff is the end of a wait by its deadline, which for a closing connection
// is the drain time's.
func (c *Conn) breakOff(op string, err error) {
	switch c.state {
	case connLingering:
		c.finish(nil) // the kernel has everything; the peer just keeps its end open
	case connDraining:
		c.abort = true
		c.finish(c.opError("close", ErrDrainTimeout))
	default:
		c.finish(c.opError(op, err))
	}
}

// breakOutput is a write that failed: nothing can be sent any more. What the
// peer sent before it went away may still lie in the kernel, and is delivered
// before OnClose, so the end comes from the reading side.
func (c *Conn) breakOutput(err error) {
	c.reason = c.opError("write", err)
	c.output = outputBroken
	c.dropOutput()
	if c.state != connOpen || c.input == inputEnded || c.paused&pausedByUser != 0 {
		c.finish(c.reason) // nobody reads
		return
	}
	c.paused, c.reoffer = 0, true
	c.src.SetReady(In)
	c.carry()
}

// dropOutput gives the queue's memory back; out.size stays, for Unsent.
func (c *Conn) dropOutput() {
	l := c.src.loop
	l.stats.BytesDiscarded += uint64(c.out.size)
	for k := c.out.head; k != nil; {
		next := k.next
		l.chunks.give(k)
		k = next
	}
	c.out.head, c.out.tail = nil, nil
}
