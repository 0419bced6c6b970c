package coro

import (
	"time"

	"github.com/weft-go/weft/reactor"
)

// session watches over one connection of Serve: how long it is idle, and how
// long a request takes. The handler runs in its scope, so that whatever the
// handler waits for ends when the time is over.
//
//	       bytes are read           it writes, while
//	                                a task of it reads
//	idle ----------------> request ----------------> answering
//	 ^                      |   ^                      |   |
//	 |                      |   '----------------------'   |
//	 |                      |        bytes are read        |
//	 |  it has written, and |                              |
//	 '--reads again---------'------------------------------'
//
// What an answer is, only the handler's protocol knows; that it reads again when
// it has answered, is true of all that take turns. A request that comes byte by
// byte, with nothing answered, is one request, and its time runs on. Where one
// task reads and another writes, each write may be the answer or a part of it:
// so the time is that of an idle connection, from the last write on, but a drain
// does not cut it off.
type session struct {
	scope  cancelScope
	server *server
	timer  reactor.Timer

	phase    phase
	answered bool          // something was written since the request began
	at       time.Duration // when the phase must be over, on the loop's clock; 0 is never
	set      time.Duration // when the timer fires; not later than at
}

type phase uint8

const (
	phaseIdle phase = iota
	phaseRequest
	phaseAnswering
)

func (p phase) String() string { return [...]string{"idle", "request", "answering"}[p] }

// newSession makes a session for a connection whose handler is about to run.
func newSession(s *server) *session {
	n := &session{server: s}
	n.scope.group, n.scope.session = s.scope, n
	n.scope.open(s.loop, s.handlers, s.handlers)
	n.timer.Init(s.loop.reactor, n)
	n.begin(phaseIdle)
	return n
}

// close ends the session: its handler has ended.
func (n *session) close() {
	n.timer.Stop()
	n.scope.close()
}

// reading is called before the handler reads. While the server drains, that
// cancels a handler which has answered its last request.
func (n *session) reading() {
	if n.phase != phaseIdle && n.answered {
		n.begin(phaseIdle)
		if n.server.draining {
			n.scope.cancel(n.server.cause())
		}
	}
}

// moved takes note that bytes were read or written.
func (c *Conn) moved(d reactor.Direction) {
	x := c.extra
	if x.session != nil {
		x.session.moved(d, c.busy[reactor.In])
	}
	if x.readable != nil && d == reactor.In {
		x.consumed = true
	}
}

func (n *session) moved(d reactor.Direction, reading bool) {
	switch {
	case n.scope.ended: // another task wrote a part when the connection was closed
	case d == reactor.In && n.phase != phaseRequest:
		n.begin(phaseRequest)
	case d == reactor.In:
	case n.phase == phaseRequest && reading:
		n.begin(phaseAnswering)
	case n.phase == phaseRequest:
		n.answered = true
	default:
		n.begin(n.phase) // its time starts again
	}
}

// begin starts a phase. The timer is moved only if it would be too late: where
// it is early, it finds out by itself, so that most requests move nothing.
func (n *session) begin(p phase) {
	n.phase, n.answered, n.at = p, p == phaseAnswering, 0
	if n.limit() <= 0 {
		return
	}
	n.at = n.scope.loop.reactor.After(n.limit())
	if n.set == 0 || n.at < n.set {
		n.set = n.at
		n.timer.ResetAt(n.at)
	}
}

// limit is what the phase may take.
func (n *session) limit() time.Duration {
	if n.phase == phaseRequest {
		return n.server.config.RequestTimeout
	}
	return n.server.config.IdleTimeout
}

// Run is the timer's end.
func (n *session) Run() {
	n.set = 0
	switch now := n.scope.loop.reactor.Now(); {
	case n.at == 0:
	case now < n.at:
		n.set = n.at
		n.timer.ResetAt(n.at)
	default:
		n.scope.cancel(&TimeoutError{Limit: n.limit(), At: n.scope.loop.reactor.OS().Epoch().Add(n.at)})
	}
}
