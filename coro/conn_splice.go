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
//	              little at a time, or little after a pause
//
// While it waits for input it holds neither a buffer nor a pipe. A large stream stays
// on the right through its pauses, so that nothing of it is copied; where that did not
// pay, it takes 32 full buffers to go over again.

const (
	// bulkAfter is how many full buffers in a row make a stream a large one.
	//
	// Bound: 128 KiB. A message of that size or less costs no system call more
	// than without splice, and a longer one two.
	bulkAfter = 4

	// pipeSize is how much a pipe holds.
	//
	// Bound: 1 MiB, what an unprivileged user's pipe may have. At a quarter of that a
	// byte costs a tenth more. A user's pipes together have 64 MiB; those of the fifth
	// loop on may get less, and then their loop copies.
	pipeSize = 1 << 20

	// leastPiece is what has to go through the pipe at a time, and has to be there
	// when the stream goes on after a pause.
	//
	// Bound: 64 KiB, where in, out and a look for more cost what two reads and two
	// writes do.
	leastPiece = 2 * copyBuffer

	// maxLittle is how many pieces in a row may be less than that.
	//
	// Bound: one is what a receiver finds that is faster than the sender for a
	// moment. The second one says that it is how the stream was written.
	maxLittle = 2

	// longRelay is what has moved when little pieces at its end do not say that splice
	// did not pay.
	longRelay = 1 << 20

	// bulkNever is as how many full buffers it counts that splice did not pay.
	bulkNever = bulkAfter - 32

	// maxPipes is how many pipes a loop has at a time. The copies beyond it read
	// and write.
	//
	// Bound: one is in use for no longer than a receiver takes for its bytes.
	// 16 slow ones hold 16 MiB of the kernel's memory at the most.
	maxPipes = 16

	// maxFreePipes is how many a loop keeps that nobody uses.
	//
	// Bound: two descriptors each.
	maxFreePipes = 4
)

// relayTo is relay to w, if it is a connection that relay can serve.
//
//go:noinline
func (c *Conn) relayTo(t *task, w io.Writer) (moved int64, full int, err error) {
	to, ok := w.(*Conn)
	if !ok || to.loop != c.loop {
		return 0, bulkNever, nil
	}
	left := int64(math.MaxInt64)
	return c.relay(t, to, &left)
}

// relay moves up to left bytes that are there already from c to another
// connection, and counts them down as they go. It returns without an error as soon as reading and writing are the
// better way, or there is nothing more; full is as how many full buffers in a row
// that counts. It never waits with a pipe for input: without one, at the beginning.
// Errors: io.EOF, a *writeError, and those of reading. What is in the pipe when the
// writing fails is lost, as what is in a buffer would be; the count does not include
// it.
func (c *Conn) relay(t *task, to *Conn, left *int64) (moved int64, full int, err error) {
	c.awaitReadable(t)
	system := c.loop.reactor.OS()
	pipe, ok := c.loop.pipes.take(system)
	if !ok {
		return 0, bulkNever, nil
	}
	little := 0
	for *left > 0 {
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
		if held, err = c.src.SpliceIn(pipe, int(min(*left, pipeSize))); err != nil {
			break
		}
		if c.extra != nil {
			c.moved(reactor.In)
		}
		t.spend(held/copyBuffer - 1) // as many as it would have taken to read it
		sent, failed := to.spliceOut(t, pipe, held)
		moved += int64(sent)
		*left -= int64(sent)
		if failed != nil {
			c.loop.pipes.discard(system, pipe) // it may hold bytes
			return moved, 0, &writeError{to.opError("write", failed)}
		}
		if held >= leastPiece {
			little = 0
		} else if little++; little == maxLittle {
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
	return moved, afterRelay(moved, little), err
}

// afterRelay is as how many full buffers in a row it counts what a relay has moved
// before it came to a pause, or to pieces that were too little.
func afterRelay(moved int64, little int) int {
	switch {
	case little < maxLittle && moved >= leastPiece:
		return bulkAfter // it goes on with the pipe
	case little < maxLittle:
		return 0
	case moved >= longRelay:
		return bulkAfter - 1
	}
	return bulkNever
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
