package reactor

import (
	"errors"

	"github.com/weft-go/weft/poller"
)

// The rarer calls of a Source. As with Read and Write, each returns
// poller.ErrWouldBlock, without a system call, while its direction is not ready,
// and notices by itself when the system says so.

// Peek is a Read that leaves the bytes where they are. A short one proves
// nothing: the source stays ready.
func (s *Source) Peek(p []byte) (int, error) {
	if err := s.usable(In); err != nil {
		return 0, err
	}
	n, err := s.loop.os.Peek(s.fd, p)
	s.noticed(In, err)
	return n, err
}

// SendFile writes up to n bytes of a regular file, from offset on. Errors beside
// Write's: io.EOF where the file ends, errors.ErrUnsupported where the system
// does not do it; nothing was written then.
func (s *Source) SendFile(file poller.FD, offset int64, n int) (int, error) {
	if err := s.usable(Out); err != nil {
		return 0, err
	}
	sender, ok := s.loop.os.(poller.FileSender)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	n, err := sender.SendFile(s.fd, file, offset, n)
	s.noticed(Out, err)
	return n, err
}

// SpliceIn reads up to n bytes into a pipe, which must be empty. A short one
// proves nothing. Error beside Read's: errors.ErrUnsupported where the system does
// not do it; nothing was read then.
func (s *Source) SpliceIn(p poller.Pipe, n int) (int, error) {
	if err := s.usable(In); err != nil {
		return 0, err
	}
	splicer, ok := s.loop.os.(poller.Splicer)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	n, err := splicer.SpliceIn(p, s.fd, n)
	s.noticed(In, err)
	return n, err
}

// SpliceOut writes up to n of the bytes that a pipe holds.
func (s *Source) SpliceOut(p poller.Pipe, n int) (int, error) {
	if err := s.usable(Out); err != nil {
		return 0, err
	}
	splicer, ok := s.loop.os.(poller.Splicer)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	n, err := splicer.SpliceOut(s.fd, p, n)
	s.noticed(Out, err)
	return n, err
}

// noticed takes what a call said about readiness. The system knows already.
func (s *Source) noticed(d Direction, err error) {
	if err == poller.ErrWouldBlock {
		s.ready[d] = false
	}
}
