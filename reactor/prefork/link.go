package prefork

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
)

// link is one end of the socket between two processes. A goroutine reads it, and
// another one writes what waits in a bounded queue, so that nobody who sends waits
// for a process that hangs, unless he wants to.
type link struct {
	conn  *net.UnixConn
	limit int // bytes of a body
	out   chan outgoing
	ctx   context.Context // ends when nothing can be sent any more
	done  <-chan struct{} // ctx's
	mute  func()          // ends ctx, and leaves what is there to be read
	close func()          // ends both; any goroutine, more than once

	goroutines sync.WaitGroup
}

// linkQueue is how many frames may wait to be written.
//
// Bound: 256 connections on their way are a burst of accepts; behind it the
// acceptor asks the next worker.
const linkQueue = 256

// outgoing is a frame that waits, and who is told when it has been written.
type outgoing struct {
	frame
	written chan<- struct{} // nil for nobody
}

// newLink takes over a descriptor of a socket pair, which is closed: the link has a
// duplicate. Serve begins its work.
func newLink(fd, limit int) (*link, error) {
	if limit <= 0 {
		limit = defaultMaxMessage
	}
	f := os.NewFile(uintptr(fd), "prefork link")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errFrame
	}
	l := &link{conn: conn, limit: limit, out: make(chan outgoing, linkQueue)}
	ctx, cancel := context.WithCancel(context.Background())
	l.ctx, l.done, l.mute = ctx, ctx.Done(), cancel
	l.close = sync.OnceFunc(func() {
		cancel()
		_ = conn.Close()
	})
	return l, nil
}

// serve starts the link's goroutines: handle is called for every frame, one after
// the other, and ended once, behind the last one.
func (l *link) serve(handle func(frame), ended func(error)) {
	l.goroutines.Go(l.write)
	l.goroutines.Go(func() {
		err := l.read(handle)
		l.close()
		ended(err)
	})
}

// wait is until the link's goroutines have ended, which takes close.
func (l *link) wait() { l.goroutines.Wait() }

// check refuses what is too long.
func (l *link) check(f *frame) error {
	if len(f.body) > l.limit || len(f.name) > maxName {
		return ErrMessageSize
	}
	return nil
}

// send queues a frame. The descriptor in it is the link's from then on. Errors,
// with which it is still the caller's: ErrMessageSize, ErrLinkBusy, net.ErrClosed.
func (l *link) send(f frame) error {
	if err := l.check(&f); err != nil {
		return err
	}
	select {
	case <-l.done:
		return net.ErrClosed
	default:
	}
	select {
	case l.out <- outgoing{frame: f}:
		return nil
	default:
		return ErrLinkBusy
	}
}

// sendWaiting is send that waits for room instead of ErrLinkBusy, until giveUp.
func (l *link) sendWaiting(f frame, giveUp <-chan struct{}) error {
	if err := l.check(&f); err != nil {
		return err
	}
	select {
	case l.out <- outgoing{frame: f}:
		return nil
	case <-l.done:
		return net.ErrClosed
	case <-giveUp:
		return ErrLinkBusy
	}
}

// flush waits until everything queued has been written.
func (l *link) flush(giveUp <-chan struct{}) {
	written := make(chan struct{})
	select {
	case l.out <- outgoing{frame{fd: noFD}, written}:
	case <-l.done:
		return
	case <-giveUp:
		return
	}
	select {
	case <-written:
	case <-l.done:
	case <-giveUp:
	}
}

// write writes what is queued, until the link is closed.
func (l *link) write() {
	var buf []byte
	for {
		select {
		case f := <-l.out:
			var err error
			if f.kind != 0 {
				buf = appendFrame(buf[:0], &f.frame)
				err = l.writeFrame(buf, f.fd)
			}
			if f.sent != nil {
				f.sent()
			}
			if f.written != nil {
				close(f.written)
			}
			if err != nil {
				// The other process has ended. What it sent before, connections
				// perhaps, is still to be read.
				l.mute()
			}
		case <-l.done:
			for { // nobody gets these any more
				select {
				case f := <-l.out:
					f.drop()
				default:
					return
				}
			}
		}
	}
}

// writeFrame writes the bytes, with the descriptor at the first one, and closes
// it: what is on its way lives without it.
func (l *link) writeFrame(b []byte, fd int) error {
	if fd == noFD {
		_, err := l.conn.Write(b)
		return err
	}
	defer closeFD(fd)
	n, _, err := l.conn.WriteMsgUnix(b, rights(fd), nil)
	if err == nil && n < len(b) { // a stream takes a part as well
		_, err = l.conn.Write(b[n:])
	}
	return err
}

// read reads frames until the link ends. The end between two frames is nil.
func (l *link) read(handle func(frame)) error {
	r := rightsReader{conn: l.conn}
	defer r.drop()
	var first [headerSize]byte
	for {
		if _, err := io.ReadFull(&r, first[:]); err != nil {
			if ended(err) {
				return nil
			}
			return err
		}
		h, err := parseHeader(&first, l.limit)
		if err != nil {
			return err
		}
		b := make([]byte, h.name+h.body)
		if _, err := io.ReadFull(&r, b); err != nil {
			return err
		}
		f := h.frame
		f.name, f.body = string(b[:h.name]), b[h.name:]
		if h.conn {
			f.fd = r.take()
			f.lost = f.fd == noFD
		}
		handle(f)
	}
}

// ended reports whether an error is the other process's end, or our own closing.
// ECONNRESET is the end of a process that has not read everything.
func ended(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET)
}

// rightsReader reads bytes and keeps the descriptors that come with them.
type rightsReader struct {
	conn *net.UnixConn
	fds  []int
	oob  []byte
}

func (r *rightsReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.oob == nil {
		r.oob = make([]byte, rightsSize)
	}
	// Go asks for close-on-exec here.
	n, oob, _, _, err := r.conn.ReadMsgUnix(p, r.oob)
	r.fds = append(r.fds, parseRights(r.oob[:oob])...)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// take is the descriptor of the frame that was just read.
func (r *rightsReader) take() int {
	if len(r.fds) == 0 {
		return noFD
	}
	fd := r.fds[0]
	r.fds = r.fds[1:]
	return fd
}

// drop closes what nobody asked for.
func (r *rightsReader) drop() {
	for _, fd := range r.fds {
		closeFD(fd)
	}
	r.fds = nil
}

// drop is the end of a frame that nobody gets: its descriptor is closed.
func (f *frame) drop() {
	if f.sent != nil {
		f.sent()
	}
	if f.fd != noFD {
		closeFD(f.fd)
		f.fd = noFD
	}
}
