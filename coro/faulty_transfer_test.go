package coro

import (
	"errors"
	"os"

	"github.com/weft-go/weft/poller"
)

// The system's capabilities, passed on. With bare set it has none, as a simulated
// one.

// transfers counts calls and makes them fail when told to.
type transfers struct {
	bare      bool
	pipe      func() error
	splice    func() error
	duplicate func() error

	sent, splicedIn, splicedOut int // bytes
	pipes, mostPipes            int
}

var errBare = errors.Join(errors.New("a system without capabilities"), errors.ErrUnsupported)

func (f *faultyOS) SendFile(fd, file poller.FD, offset int64, n int) (int, error) {
	if f.bare {
		return 0, errBare
	}
	n, err := f.OS.(poller.FileSender).SendFile(fd, file, offset, n)
	f.sent += n
	return n, err
}

func (f *faultyOS) OpenPipe(size int) (poller.Pipe, error) {
	splicer, ok := f.OS.(poller.Splicer)
	switch {
	case f.bare || !ok:
		return poller.Pipe{}, errBare
	case f.pipe != nil:
		if err := f.pipe(); err != nil {
			return poller.Pipe{}, err
		}
	}
	pipe, err := splicer.OpenPipe(size)
	if err == nil {
		f.pipes++
		f.mostPipes = max(f.mostPipes, f.pipes)
	}
	return pipe, err
}

func (f *faultyOS) ClosePipe(p poller.Pipe) {
	f.pipes--
	f.OS.(poller.Splicer).ClosePipe(p)
}

func (f *faultyOS) SpliceIn(p poller.Pipe, fd poller.FD, n int) (int, error) {
	if f.splice != nil {
		if err := f.splice(); err != nil {
			return 0, err
		}
	}
	n, err := f.OS.(poller.Splicer).SpliceIn(p, fd, n)
	f.splicedIn += n
	return n, err
}

func (f *faultyOS) SpliceOut(fd poller.FD, p poller.Pipe, n int) (int, error) {
	if f.writeMost > 0 {
		n = min(n, f.writeMost)
	}
	n, err := f.OS.(poller.Splicer).SpliceOut(fd, p, n)
	f.splicedOut += n
	return n, err
}

func (f *faultyOS) Duplicate(fd poller.FD) (*os.File, error) {
	if f.bare {
		return nil, errBare
	}
	if f.duplicate != nil {
		if err := f.duplicate(); err != nil {
			return nil, err
		}
	}
	return f.OS.(poller.Duplicator).Duplicate(fd)
}
