package coro

import (
	"io"
	"os"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// copyBuffer is the size of the buffers of WriteTo and ReadFrom, that of io.Copy's.
const copyBuffer = 32 << 10

// maxFreeBuffers is how many unused copy buffers a loop keeps: 2 MiB.
const maxFreeBuffers = 64

//go:noinline
func (l *loop) takeBuffer() []byte {
	if n := len(l.buffers); n > 0 {
		b := l.buffers[n-1]
		l.buffers = l.buffers[:n-1]
		return b
	}
	return make([]byte, copyBuffer)
}

//go:noinline
func (l *loop) giveBuffer(b []byte) {
	if len(l.buffers) < maxFreeBuffers {
		l.buffers = append(l.buffers, b[:copyBuffer])
	}
}

// WriteTo copies to w what the connection receives, up to its end, as
// io.WriterTo: io.Copy calls it. It holds a buffer of the loop's only while
// there are bytes in it, so an idle connection has none. A stream that keeps
// filling the buffer is moved inside the kernel if w is a *Conn of the same loop;
// see relay. As with any copy, what was read and could not be written any more
// is lost; the count is of what w took.
func (c *Conn) WriteTo(w io.Writer) (total int64, err error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.writeToFromOutside(w)
	}
	for full := 0; ; {
		if full >= bulkAfter {
			var moved int64
			moved, full, err = c.relayTo(t, w)
			total += moved
			if err != nil {
				return total, c.readError(err)
			}
			continue
		}
		chunk, err := c.readChunk(t)
		if err != nil {
			return total, c.readError(err)
		}
		n, err := w.Write(chunk)
		total += int64(n)
		if err == nil && n < len(chunk) {
			err = io.ErrShortWrite
		}
		n = len(chunk)
		c.loop.giveBuffer(chunk)
		if err != nil {
			return total, err
		}
		if full++; n < copyBuffer {
			full = 0
		}
	}
}

// readError is the end of WriteTo: that of the stream is its success.
//
//go:noinline
func (c *Conn) readError(err error) error {
	if err == io.EOF {
		return nil
	}
	if failed, ok := err.(*writeError); ok {
		return failed.error
	}
	return c.opError("read", err)
}

// writeError is the failure of the connection that is copied to, in its own form.
type writeError struct{ error }

// writeToFromOutside is WriteTo for a goroutine that is no task of the loop: with
// a buffer of io.Copy's, since w may be anything; between two connections of the
// loop as a task.
//
//go:noinline
func (c *Conn) writeToFromOutside(w io.Writer) (n int64, err error) {
	if to, ok := w.(*Conn); !ok || to.loop != c.loop {
		return io.Copy(w, readerOnly{c})
	}
	var copied error
	err = c.loop.asTask(func(*task) error {
		n, copied = c.WriteTo(w)
		return nil
	})
	if err != nil {
		return n, c.opError("read", err)
	}
	return n, copied
}

// readerOnly and writerOnly hide a connection's WriteTo and ReadFrom.
type (
	readerOnly struct{ io.Reader }
	writerOnly struct{ io.Writer }
)

// readChunk is read into a buffer of the loop's, which it takes only when there
// may be bytes for it, and then for no longer than one try. The caller gives it
// back.
func (c *Conn) readChunk(t *task) (chunk []byte, err error) {
	if err = c.enter(t, reactor.In); err != nil {
		return nil, err
	}
	for {
		if c.src.Expired(reactor.In) {
			err = os.ErrDeadlineExceeded
			break
		}
		if c.src.Ready(reactor.In) {
			var n int
			chunk = c.loop.takeBuffer()
			if n, err = c.src.Read(chunk); err == nil {
				chunk = chunk[:n]
				break
			}
			c.loop.giveBuffer(chunk)
			chunk = nil
			if err != poller.ErrWouldBlock {
				break
			}
		}
		if err = t.await(&c.src, reactor.In); err != nil {
			break
		}
	}
	c.leave(reactor.In, len(chunk))
	return chunk, err
}

// ReadFrom copies to the connection what r has, up to its end, as io.ReaderFrom:
// io.Copy calls it. A regular file, also behind an io.LimitedReader, goes inside
// the kernel (sendfile) where the system has that, and its position moves on by
// what was sent; bytes that are not in memory are read from the disk, which stops
// the loop for that time. A *Conn of the same loop is its WriteTo, also behind an
// io.LimitedReader, whose N other tasks may read meanwhile: it goes down with every
// piece that is moved. Anything else
// is read into a buffer of the loop's, which is held while r.Read waits; a Read that
// blocks the thread blocks the loop.
//
// Errors: those of Write, and r's own.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.readFromOutside(r)
	}
	if from, ok := r.(*Conn); ok {
		return from.WriteTo(c)
	}
	sent, done, err := c.sendFile(t, r)
	if done {
		return sent, err
	}
	n, err := c.copyFrom(t, r)
	return sent + n, err
}

// readFromOutside is ReadFrom for a goroutine that is no task of the loop. r may
// be anything and is read by that goroutine; a file is sent by a task.
func (c *Conn) readFromOutside(r io.Reader) (n int64, err error) {
	if from, ok := r.(*Conn); ok && from.loop == c.loop {
		return from.WriteTo(c)
	}
	if _, _, ok := regularFile(r); !ok {
		return io.Copy(writerOnly{c}, r)
	}
	var copied error
	err = c.loop.asTask(func(*task) error {
		n, copied = c.ReadFrom(r)
		return nil
	})
	if err != nil {
		return n, c.opError("write", err)
	}
	return n, copied
}

// copyFrom is ReadFrom by reading and writing. A part of a connection's stream is
// waited for without a buffer, and moved inside the kernel when it is large.
func (c *Conn) copyFrom(t *task, r io.Reader) (total int64, err error) {
	limited, _ := r.(*io.LimitedReader)
	var from *Conn
	if limited != nil {
		if from, _ = limited.R.(*Conn); from != nil && from.loop != c.loop {
			from = nil
		}
	}
	for full := 0; limited == nil || limited.N > 0; {
		if full >= bulkAfter && from != nil {
			var moved int64
			moved, full, err = from.relay(t, c, &limited.N)
			total += moved
			if err != nil {
				return total, from.readError(err)
			}
			continue
		}
		if from != nil {
			from.awaitReadable(t)
		}
		buffer := c.loop.takeBuffer()
		n, err := r.Read(buffer)
		var written int
		var failed error
		if n > 0 {
			written, failed = c.Write(buffer[:n])
			total += int64(written)
		}
		c.loop.giveBuffer(buffer)
		switch {
		case failed != nil:
			return total, failed
		case err == io.EOF:
			return total, nil
		case err != nil:
			return total, err
		case n < copyBuffer:
			full = 0
		default:
			full++
		}
	}
	return total, nil
}

// awaitReadable waits until a Read need not, whatever it will return.
func (c *Conn) awaitReadable(t *task) {
	if c.enter(t, reactor.In) != nil {
		return
	}
	for !c.src.Ready(reactor.In) && t.await(&c.src, reactor.In) == nil {
	}
	c.leave(reactor.In, 0)
}
