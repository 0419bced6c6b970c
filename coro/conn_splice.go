package coro

import (
	"errors"
	"io"
	"math"
	"os"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// A copy from one connection to another reads and writes, which is the least for
// small messages, and goes over to moving pages inside the kernel (splice) when
// the stream is large:
//
//	              4 full buffers in a row
//	read, write ---------------------------> splice in, splice out
//	            <---------------------------
//	              nothing there, or little at a time
//
// While it waits for input it always is on the left, where it holds neither a
// buffer nor a pipe, and its stack is shallow. After a pause in a large stream
// one full buffer is enough to go over again; where it did not pay, it takes 32.

const (
	// bulkAfter is how many full buffers in a row make a stream a large one.
	//
	// Bound: 128 KiB. A message of that size or less costs no system call more
	// than without splice, and a longer one two.
	bulkAfter = 4

	// pipeSize is how much a pipe holds.
	//
	// Bound: 256 KiB, a quarter of what an unprivileged user's pipe may have. At
	// 1 MiB a byte costs a tenth less, and a user's pipes together have 64 MiB.
	pipeSize = 256 << 10

	// leastPiece is what has to go through the pipe at a time.
	//
	// Bound: 128 KiB. A pipe has 64 places for pages or parts of one. Of a stream
	// that was written a KiB at a time it holds little, and splice is half as
	// expensive again as a copy; of one written 16 KiB at a time it is half.
	leastPiece = pipeSize / 2

	// maxPipes is how many pipes a loop has at a time. The copies beyond it read
	// and write.
	//
	// Bound: one is in use for no longer than a receiver takes for its bytes.
	// 16 slow ones hold 4 MiB of the kernel's memory.
	maxPipes = 16

	// maxFreePipes is how many a loop keeps that nobody uses.
	//
	// Bound: two descriptors each.
	maxFreePipes = 4

	// bulkOperations is what a piece of a pipe's size counts for in a task's
	// budget, in operations. So a task moves 1 MiB before the others have a turn,
	// as it does by reading and writing.
	bulkOperations = 8
)

// relayTo is relay to w, if it is a connection that relay can serve.
//
//go:noinline
func (c *Conn) relayTo(t *task, w io.Writer) (int64, error) {
	to, ok := w.(*Conn)
	if !ok || to.loop != c.loop {
		return 0, nil
	}
	return c.relay(t, to, math.MaxInt64)
}

// relay moves up to limit bytes that are there already from c to another
// connection. It returns without an error as soon as reading and writing are the
// better way, and never waits for input. Errors: io.EOF, a *writeError, and those
// of reading. What is in the pipe when the writing fails is lost, as what is in
// a buffer would be; the count does not include it.
func (c *Conn) relay(t *task, to *Conn, limit int64) (moved int64, err error) {
	system := c.loop.reactor.OS()
	pipe, ok := c.loop.pipes.take(system)
	if !ok {
		return 0, nil
	}
	for moved < limit {
		if c.extra != nil && c.extra.session != nil {
			c.extra.session.reading() // as each Read would
		}
		if err = t.checkpoint(); err != nil {
			break
		}
		if c.busy[reactor.In] || c.src.Expired(reactor.In) {
			break // the next Read waits for its turn, or says what is wrong
		}
		held := 0
		if held, err = c.src.SpliceIn(pipe, int(min(limit-moved, pipeSize))); err != nil {
			break
		}
		if c.extra != nil {
			c.moved(reactor.In)
		}
		t.spend(bulkOperations - 1)
		sent, failed := to.spliceOut(t, pipe, held)
		moved += int64(sent)
		if failed != nil {
			c.loop.pipes.discard(system, pipe) // it may hold bytes
			return moved, &writeError{to.opError("write", failed)}
		}
		if held < leastPiece {
			break
		}
	}
	c.loop.pipes.give(system, pipe)
	if errors.Is(err, errors.ErrUnsupported) {
		c.loop.pipes.unsupported = true
		err = nil
	}
	if err == poller.ErrWouldBlock {
		err = nil
	}
	return moved, err
}

// afterRelay is how many full buffers count as seen after one that moved so much.
func afterRelay(moved int64) int {
	if moved < leastPiece {
		return bulkAfter - 32
	}
	return bulkAfter - 1
}

// spliceOut is write for what a pipe holds.
func (c *Conn) spliceOut(t *task, pipe poller.Pipe, held int) (n int, err error) {
	if err = c.enter(t, reactor.Out); err != nil {
		return 0, err
	}
	for n < held && err == nil {
		if c.src.Expired(reactor.Out) {
			err = os.ErrDeadlineExceeded
			break
		}
		var part int
		part, err = c.src.SpliceOut(pipe, held-n)
		n += part
		if err == poller.ErrWouldBlock {
			err = t.await(&c.src, reactor.Out)
		} else if err == nil && n < held {
			err = t.checkpoint()
		}
	}
	c.leave(reactor.Out, n)
	return n, err
}

// pipePool is a loop's pipes. The free ones are empty.
type pipePool struct {
	free []poller.Pipe
	open int // free, and in use
	// unsupported: the system has no splice, or its sandbox none.
	unsupported bool
}

// take gives an empty pipe. There may be none: the system has no splice, all are
// in use, or there is no descriptor for another one.
func (p *pipePool) take(system poller.OS) (poller.Pipe, bool) {
	if n := len(p.free); n > 0 && !p.unsupported {
		pipe := p.free[n-1]
		p.free = p.free[:n-1]
		return pipe, true
	}
	splicer, ok := system.(poller.Splicer)
	if !ok || p.unsupported || p.open == maxPipes {
		return poller.Pipe{}, false
	}
	pipe, err := splicer.OpenPipe(pipeSize)
	if err != nil {
		return poller.Pipe{}, false
	}
	p.open++
	return pipe, true
}

// give takes an empty pipe back.
func (p *pipePool) give(system poller.OS, pipe poller.Pipe) {
	if len(p.free) == maxFreePipes {
		p.discard(system, pipe)
		return
	}
	p.free = append(p.free, pipe)
}

// discard closes a pipe, and drops what it holds.
func (p *pipePool) discard(system poller.OS, pipe poller.Pipe) {
	system.(poller.Splicer).ClosePipe(pipe)
	p.open--
}

func (p *pipePool) close(system poller.OS) {
	for _, pipe := range p.free {
		p.discard(system, pipe)
	}
	p.free = nil
}
