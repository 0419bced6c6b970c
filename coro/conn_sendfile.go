package coro

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// maxFilePiece is how much of a file is sent between two checkpoints.
//
// Bound: 256 KiB take some 50 us where they are in memory.
const maxFilePiece = 256 << 10

// openFile is an *os.File, or what os wraps around one to hide its WriteTo.
type openFile interface {
	fs.File
	io.Seeker
	syscall.Conn
}

// regularFile is the file that r reads, and how much of it r would.
func regularFile(r io.Reader) (file openFile, limit int64, ok bool) {
	limit = math.MaxInt64
	if limited, is := r.(*io.LimitedReader); is {
		r, limit = limited.R, limited.N
	}
	file, ok = r.(openFile)
	if !ok {
		return nil, 0, false
	}
	info, err := file.Stat()
	return file, limit, err == nil && info.Mode().IsRegular()
}

// sendFile is ReadFrom of a regular file inside the kernel. Where it is not done
// the rest is to be copied.
func (c *Conn) sendFile(t *task, r io.Reader) (sent int64, done bool, err error) {
	file, limit, ok := regularFile(r)
	if !ok {
		return 0, false, nil
	}
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, false, nil
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return 0, false, nil
	}
	sent, err = c.sendPieces(t, raw, start, limit)
	_, seekError := file.Seek(start+sent, io.SeekStart)
	if limited, is := r.(*io.LimitedReader); is {
		limited.N -= sent
	}
	switch {
	case err == nil && seekError != nil:
		return sent, true, seekError
	case errors.Is(err, errors.ErrUnsupported):
		return sent, false, nil
	case err != nil:
		return sent, true, c.opError("write", err)
	}
	return sent, true, nil
}

// sendPieces sends up to limit bytes of a file. It has the outgoing direction to
// itself up to the end, as a Write has.
func (c *Conn) sendPieces(t *task, file syscall.RawConn, start, limit int64) (sent int64, err error) {
	if err = c.enter(t, reactor.Out); err != nil {
		return 0, err
	}
	defer func() { c.leave(reactor.Out, int(min(sent, 1))) }()
	for sent < limit && err == nil {
		if c.src.Expired(reactor.Out) {
			err = os.ErrDeadlineExceeded
			break
		}
		n := 0
		closed := file.Control(func(fd uintptr) {
			n, err = c.src.SendFile(poller.FD(fd), start+sent, int(min(limit-sent, maxFilePiece)))
		})
		sent += int64(n)
		switch {
		case closed != nil:
			err = closed
		case err == poller.ErrWouldBlock:
			err = t.await(&c.src, reactor.Out)
		case err == nil && sent < limit:
			t.spend(n/copyBuffer - 1) // as many as it would have taken to read it
			err = t.checkpoint()
		}
	}
	if err == io.EOF {
		err = nil
	}
	return sent, err
}
