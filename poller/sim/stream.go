package sim

import (
	"io"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// stream is one end of a connection.
//
//	connecting ------> open ------> broken      refused, reset, timed out
//	     |              |             |
//	     |              | CloseFD     | CloseFD
//	     '------------> closed <------'
//
// A closed end goes on sending what was written, and answers what it is sent.
type stream struct {
	host          *Host
	process       *process
	file          *file // nil before it is accepted, and once it is closed
	state         streamState
	unix          bool
	local, remote poller.Addr
	peer          *stream
	out, in       *flow // in is the peer's out
	listener      *listener

	// err is why it broke, for the first call that asks; told, for ConnectResult.
	err, told syscall.Errno
	options
	pulse keepAlive
}

type streamState uint8

const (
	streamConnecting streamState = iota
	streamOpen
	streamBroken
	streamClosed
)

func (s streamState) String() string {
	return [...]string{"connecting", "open", "broken", "closed"}[s]
}

func (s *stream) fd() poller.FD {
	if s.file == nil {
		return poller.NoFD
	}
	return s.file.fd
}

// gone reports whether nobody is left who would read.
func (s *stream) gone() bool {
	return s.state == streamClosed || s.state == streamBroken || s.process.dead
}

// is is the stream's readiness.
func (s *stream) is() (r poller.Readiness) {
	switch s.state {
	case streamConnecting:
		return 0
	case streamBroken, streamClosed:
		return poller.Readable | poller.Writable | poller.HangUp
	}
	if s.in.ended() {
		r |= poller.Readable | poller.HangUp
	}
	if s.in.unread > 0 {
		r |= poller.Readable
	}
	if s.writable() {
		r |= poller.Writable
	}
	return r
}

// writable reports whether a blocked writer is told to go on: with a third of
// its buffer free, as Linux has it, so that it does not crawl.
func (s *stream) writable() bool {
	return s.out.fin != finNone || 3*s.out.room() >= s.sendBuffer
}

func (s *stream) notify(r poller.Readiness) {
	if s.file != nil {
		s.file.notify(r)
	}
}

func (s *stream) readable() { s.notify(poller.Readable) }

func (s *stream) hasRoom() {
	if s.file != nil && s.file.armed&poller.Writable != 0 && s.state == streamOpen && s.writable() {
		s.notify(poller.Writable)
	}
}

// fail breaks the connection.
func (s *stream) fail(errno syscall.Errno) {
	if s.state == streamBroken || s.state == streamClosed {
		if s.out != nil {
			s.out.stop()
		}
		return
	}
	if s.state == streamConnecting {
		s.told = errno
	}
	s.state, s.err = streamBroken, errno
	s.world().agenda.cancel(&s.pulse.appointment)
	if s.out != nil {
		s.out.stop()
	}
	if s.file != nil {
		s.world().note(s.host, actFail, s.fd(), int(errno), nil)
		s.notify(poller.Readable | poller.Writable)
	}
}

func (s *stream) world() *World { return s.host.world }

// takeError gives the reason of the end to the first who asks.
func (s *stream) takeError() syscall.Errno {
	errno := s.err
	s.err = 0
	return errno
}

// read is recv(2). What arrived before a reset can still be read, as on Linux.
func (s *stream) read(p []byte, leave bool) (int, error) {
	f := s.file
	if s.state == streamConnecting {
		f.armed |= poller.Readable
		return 0, poller.ErrWouldBlock
	}
	if len(p) == 0 {
		return 0, nil
	}
	if s.in != nil && s.in.unread > 0 {
		short := p[:min(len(p), s.in.unread)]
		if !leave && s.world().chance(s.host.knobs().ShortRead) {
			short = short[:1+s.world().rng.IntN(len(short))]
		}
		n := s.in.read(short)
		if !leave {
			s.in.take(n)
		}
		if n < len(p) && !leave {
			s.drained()
		}
		return n, nil
	}
	if s.in != nil && s.in.ended() {
		return 0, io.EOF
	}
	if s.state == streamBroken {
		if errno := s.takeError(); errno != 0 {
			return 0, os.NewSyscallError("read", errno)
		}
		return 0, io.EOF
	}
	f.armed |= poller.Readable
	return 0, poller.ErrWouldBlock
}

// drained is a short read. It counts as would-block, so what is there in spite
// of it (the rest that the dial ShortRead held back, a FIN of which no hint
// told) is an event of its own, as if it had come later.
func (s *stream) drained() {
	f := s.file
	f.armed |= poller.Readable
	if f.is()&poller.Readable != 0 && (s.in.unread > 0 || !f.hung) {
		f.notify(poller.Readable)
	}
}

// meetReset is the dial Reset, at the beginning of a call that writes: one that
// has written something has no error to tell, and must not use it up.
func (s *stream) meetReset() {
	if s.state == streamOpen && !s.unix && s.world().chance(s.host.knobs().Reset) {
		s.out.reset()
		s.fail(syscall.ECONNRESET)
	}
}

// write is send(2).
func (s *stream) write(p []byte) (int, error) {
	f := s.file
	switch {
	case s.state == streamConnecting:
		f.armed |= poller.Writable
		return 0, poller.ErrWouldBlock
	case s.state == streamBroken:
		errno := s.takeError()
		if errno == 0 {
			errno = syscall.EPIPE
		}
		return 0, os.NewSyscallError("write", errno)
	case s.out.fin != finNone, s.unix && s.peer.gone():
		return 0, os.NewSyscallError("write", syscall.EPIPE)
	}
	if len(p) == 0 {
		return 0, nil
	}
	w, d := s.world(), s.host.knobs()
	n := min(len(p), s.out.room())
	if n <= 0 {
		f.armed |= poller.Writable
		return 0, poller.ErrWouldBlock
	}
	if w.chance(d.ShortWrite) {
		n = 1 + w.rng.IntN(n)
	}
	s.out.push(p[:n])
	return n, nil
}

// closeWrite is shutdown(2) for the outgoing direction.
func (s *stream) closeWrite() syscall.Errno {
	if s.state != streamOpen {
		return syscall.ENOTCONN
	}
	s.out.finish()
	return 0
}

// closeRead is shutdown(2) for the incoming direction.
func (s *stream) closeRead() syscall.Errno {
	if s.state != streamOpen {
		return syscall.ENOTCONN
	}
	s.in.deaf = true
	s.notify(poller.Readable)
	s.in.transmit()
	return 0
}

// close is close(2): a FIN behind what was written; a reset where bytes are
// unread, or the option Linger asks for it.
func (s *stream) close(abort bool) {
	was := s.state
	s.state, s.file = streamClosed, nil
	s.world().agenda.cancel(&s.pulse.appointment)
	if s.unix {
		abort = false
	}
	if was != streamOpen {
		return
	}
	unread := s.in.unread > 0
	s.in.discard()
	if abort || unread || s.lingerReset && !s.unix {
		s.out.reset()
	} else {
		s.out.finish()
	}
	if s.unix {
		s.peer.notify(poller.Readable | poller.Writable)
	}
}
