package reactor

import (
	"fmt"
	"net"
	"os"
	"time"

	"github.com/weft-go/weft/poller"
)

// Source is a registered descriptor: for each direction a readiness flag, at
// most one waiter, and a deadline. Conn, Listener and the tasks of package
// coro are built on it; it is also the way to put any other pollable
// descriptor on a loop: a pipe, an eventfd, a socket of one's own.
//
// The zero value is ready for Loop.Register. A Source must not be copied, and
// its methods belong to its loop's goroutine.
//
//	          Register            Close, Deregister
//	unused ------------> registered --------------> unused
//
// To use a direction: try the call while Ready says true; when it would block,
// Await.
type Source struct {
	loop  *Loop
	fd    poller.FD
	token poller.Token

	waiters   [2]Waiter // by Direction
	deadlines *deadlines

	ready [2]bool // by Direction
	// readOn: a short read does not prove that the stream is drained. Sticky.
	readOn     bool
	registered bool
}

// Direction is one of the two directions of a descriptor.
type Direction uint8

const (
	// In is reading and accepting.
	In Direction = iota
	// Out is writing and connecting.
	Out
)

func (d Direction) String() string {
	switch d {
	case In:
		return "read"
	case Out:
		return "write"
	}
	return fmt.Sprintf("Direction(%d)", uint8(d))
}

// Waiter is told, once, that what it waited for is over. It is called on the
// loop's goroutine.
type Waiter interface {
	// Ready is given nil when the direction is worth trying,
	// os.ErrDeadlineExceeded when its deadline passed first, or net.ErrClosed
	// when the source was closed.
	Ready(err error)
}

// Register puts fd, which must be non-blocking, on the loop. Both directions
// are taken for not ready until an event says otherwise. Errors:
// ErrRegistered, ErrLoopClosed, and those of poller.Poller.Add, after which fd
// is still the caller's.
func (l *Loop) Register(s *Source, fd poller.FD) error {
	if s.registered {
		return ErrRegistered
	}
	if l.state != loopOpen {
		return ErrLoopClosed
	}
	token := l.slots.reserve(s)
	if err := l.os.Add(fd, token); err != nil {
		l.slots.release(token)
		return err
	}
	*s = Source{loop: l, fd: fd, token: token, registered: true}
	return nil
}

// FD is the descriptor, or poller.NoFD when s is not registered.
func (s *Source) FD() poller.FD {
	if !s.registered {
		return poller.NoFD
	}
	return s.fd
}

// Loop is the loop s was registered with last.
func (s *Source) Loop() *Loop { return s.loop }

// Ready reports whether the direction is worth trying.
func (s *Source) Ready(d Direction) bool { return s.ready[d] }

// SetReady says that the direction is worth trying although no event came: as
// for writing to a new connection.
func (s *Source) SetReady(d Direction) { s.ready[d] = true }

// ClearReady says that the caller's own system call would have blocked. The
// methods Read and Write do this by themselves.
func (s *Source) ClearReady(d Direction) {
	s.ready[d] = false
	if s.registered {
		s.loop.os.Rearm(s.fd, readiness(d))
	}
}

func readiness(d Direction) poller.Readiness {
	if d == In {
		return poller.Readable
	}
	return poller.Writable
}

// ReadOn says that a short read on this source does not prove that it is
// drained, as on a Unix socket, where a read ends where a descriptor was
// passed.
func (s *Source) ReadOn() { s.readOn = true }

// Read reads once. It returns poller.ErrWouldBlock, without a system call,
// while the source is not ready.
//
// A short read means drained: the next byte raises an event. So a request
// costs one read, not a second one to see EAGAIN.
func (s *Source) Read(p []byte) (int, error) {
	if err := s.usable(In); err != nil {
		return 0, err
	}
	n, err := s.loop.os.Read(s.fd, p)
	if err == poller.ErrWouldBlock || err == nil && n < len(p) && !s.readOn {
		s.ready[In] = false
	}
	return n, err
}

// Write writes once. It returns poller.ErrWouldBlock, without a system call,
// while the source is not ready.
func (s *Source) Write(p []byte) (int, error) {
	if err := s.usable(Out); err != nil {
		return 0, err
	}
	n, err := s.loop.os.Write(s.fd, p)
	if err == poller.ErrWouldBlock {
		s.ready[Out] = false
	}
	return n, err
}

// Writev is Write for several slices at once, poller.MaxVectors at most.
func (s *Source) Writev(bufs [][]byte) (int, error) {
	if err := s.usable(Out); err != nil {
		return 0, err
	}
	n, err := s.loop.os.Writev(s.fd, bufs)
	if err == poller.ErrWouldBlock {
		s.ready[Out] = false
	}
	return n, err
}

func (s *Source) usable(d Direction) error {
	if !s.registered {
		return net.ErrClosed
	}
	if !s.ready[d] {
		return poller.ErrWouldBlock
	}
	return nil
}

// Await makes w wait for the direction: w.Ready is called once, from a later
// phase of the loop, unless Cancel comes first. A direction that is ready
// already is an event that has come: w is called in the next batch of tasks.
// Errors: ErrWaiterBusy, net.ErrClosed, os.ErrDeadlineExceeded when the
// deadline has passed already; w is not called then.
func (s *Source) Await(d Direction, w Waiter) error {
	switch {
	case !s.registered:
		return net.ErrClosed
	case s.waiters[d] != nil:
		return ErrWaiterBusy
	case s.Expired(d):
		return os.ErrDeadlineExceeded
	}
	s.waiters[d] = w
	if s.ready[d] {
		s.loop.Schedule(&lateEvent{s, s.token, d})
	}
	return nil
}

// lateEvent delivers what was known before Await was called.
type lateEvent struct {
	source *Source
	token  poller.Token
	d      Direction
}

func (e *lateEvent) Run() {
	if s := e.source; s.registered && s.token == e.token {
		s.wake(e.d, nil)
	}
}

// Waiting reports whether the direction has a waiter.
func (s *Source) Waiting(d Direction) bool { return s.waiters[d] != nil }

// Cancel takes the waiter of the direction away without calling it, and
// reports whether there was one.
func (s *Source) Cancel(d Direction) bool {
	was := s.waiters[d] != nil
	s.waiters[d] = nil
	return was
}

func (s *Source) wake(d Direction, err error) {
	if w := s.waiters[d]; w != nil {
		s.waiters[d] = nil
		w.Ready(err)
	}
}

// deliver is an event of the poller.
//
// Order: both flags first, so that what the one waiter does knows of the other
// direction. Then In before Out, so that bytes which came before a reset are
// read before a write meets the reset.
func (s *Source) deliver(r poller.Readiness) {
	if r&(poller.HangUp|poller.Urgent) != 0 {
		s.readOn = true
	}
	token := s.token
	if r&poller.Readable != 0 {
		s.ready[In] = true
	}
	if r&poller.Writable != 0 {
		s.ready[Out] = true
		if s.waiters[Out] != nil {
			defer s.remind(Out, token) // should the reading waiter panic
		}
	}
	if r&poller.Readable != 0 {
		s.wake(In, nil)
	}
	if r&poller.Writable != 0 && s.token == token && s.registered {
		s.wake(Out, nil)
	}
}

// remind calls a waiter in the next batch whose event was not delivered.
func (s *Source) remind(d Direction, token poller.Token) {
	if s.registered && s.token == token && s.ready[d] && s.waiters[d] != nil {
		s.loop.Schedule(&lateEvent{s, token, d})
	}
}

// Close closes the descriptor and tells the waiters net.ErrClosed.
func (s *Source) Close() error {
	if !s.registered {
		return net.ErrClosed
	}
	loop, fd := s.loop, s.fd
	waiters := s.leave()
	err := loop.os.CloseFD(fd)
	tellClosed(waiters)
	return err
}

// Deregister takes the descriptor off the loop and leaves it open: it is the
// caller's again. The waiters are told net.ErrClosed.
func (s *Source) Deregister() (poller.FD, error) {
	if !s.registered {
		return poller.NoFD, net.ErrClosed
	}
	fd := s.fd
	err := s.loop.os.Remove(fd)
	tellClosed(s.leave())
	return fd, err
}

// leave ends the registration and returns who waited. The descriptor is still
// open, so its number cannot be anybody else's while an event of it may be
// under way.
func (s *Source) leave() (waiters [2]Waiter) {
	if s.deadlines != nil {
		s.loop.wheel.unset(s.deadlines)
		s.deadlines = nil
	}
	s.registered = false
	s.ready = [2]bool{}
	s.loop.slots.release(s.token)
	waiters, s.waiters = s.waiters, waiters
	return waiters
}

// tellClosed is the end of the waiting on a source that has left.
func tellClosed(waiters [2]Waiter) {
	if w := waiters[Out]; w != nil {
		defer w.Ready(net.ErrClosed) // deferred: the other one may panic
	}
	if w := waiters[In]; w != nil {
		w.Ready(net.ErrClosed)
	}
}

// deadlines are a source's two moments, allocated by the first one that is
// set, and its entry in the wheel.
type deadlines struct {
	source *Source
	at     [2]time.Duration // by Direction, on the loop's clock; 0 is none

	// established is what at[Out] becomes when a Conn's dial has succeeded.
	// Until then that is the time limit of the dial.
	established time.Duration

	// found is the moment at which the wheel looks at this entry, as long as
	// it is in: never later than the earliest of at.
	found      time.Duration
	next, prev *deadlines
	place      int16
}

// SetDeadline sets the moment, on the loop's clock (Loop.At converts), after
// which waiting for the direction ends with os.ErrDeadlineExceeded, for the
// present waiter and for later ones, until another deadline is set. Zero is
// none. A deadline is never early and up to a millisecond late.
func (s *Source) SetDeadline(d Direction, at time.Duration) {
	if !s.registered || s.deadlines == nil && at == 0 {
		return
	}
	t := s.needDeadlines()
	t.at[d] = at
	if at != 0 && (t.place == notInWheel || at < t.found) {
		s.loop.wheel.set(t, at)
	}
}

func (s *Source) needDeadlines() *deadlines {
	if s.deadlines == nil {
		s.deadlines = &deadlines{source: s, place: notInWheel}
	}
	return s.deadlines
}

// Expired reports whether the direction's deadline has passed.
func (s *Source) Expired(d Direction) bool {
	return s.deadlines != nil && s.deadlines.at[d] != 0 && s.deadlines.at[d] <= s.loop.now
}

// earliest is the moment at which the wheel has to look at t next. A deadline
// that has passed with nobody waiting is none: Await finds it by itself.
func (t *deadlines) earliest() (when time.Duration, ok bool) {
	for d, at := range t.at {
		if at == 0 || t.source.Expired(Direction(d)) && t.source.waiters[d] == nil {
			continue
		}
		if !ok || at < when {
			when, ok = at, true
		}
	}
	return when, ok
}

// fire tells one waiter whose deadline has passed.
func (t *deadlines) fire() {
	s := t.source
	var w Waiter
	for d := range t.at {
		if w == nil && s.Expired(Direction(d)) {
			w, s.waiters[d] = s.waiters[d], nil
		}
	}
	// Back into the wheel first, for the other direction: the waiter may close
	// the source, or panic. If that deadline has passed too, it is next.
	if when, ok := t.earliest(); ok {
		s.loop.wheel.set(t, when)
	}
	if w != nil {
		w.Ready(os.ErrDeadlineExceeded)
	}
}
