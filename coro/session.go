package coro

import (
	"time"

	"github.com/weft-go/weft/reactor"
)

// session watches over one connection of Serve: how long it is idle, and how
// long a request takes. The handler runs in its scope, so that whatever the
// handler waits for ends when the time is over.
//
//	         bytes are read
//	idle ---------------------> in a request
//	 ^                              |
//	 '------------------------------'
//	  the handler reads again, having
//	  written something since
//
// What an answer is, only the handler's protocol knows; that it reads again when
// it has answered, is true of all that take turns. A request that comes byte by
// byte, with nothing answered, is one request, and its time runs on.
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
)

func (p phase) String() string {
	if p == phaseRequest {
		return "request"
	}
	return "idle"
}

// newSession makes a session for a connection whose handler is about to run.
func newSession(s *server) *session {
	n := &session{server: s}
	n.scope.group, n.scope.session = s.scope, n
	n.scope.open(s.loop, s.handlers, s.handlers)
	n.timer.Init(s.loop.reactor, n)
	n.begin(phaseIdle, s.config.IdleTimeout)
	return n
}

// close ends the session: its handler has ended.
func (n *session) close() {
	n.timer.Stop()
	n.scope.close()
}

// reading is called before the handler reads. It fails if the handler has
// answered its last request.
func (n *session) reading() error {
	if n.phase == phaseRequest && n.answered {
		n.begin(phaseIdle, n.server.config.IdleTimeout)
		if n.server.draining {
			n.scope.cancel(n.server.cause())
		}
	}
	return n.scope.cause
}

// moved takes note that bytes were read or written.
func (x *connExtra) moved(d reactor.Direction) {
	if x.session != nil {
		x.session.moved(d)
	}
	if x.readable != nil && d == reactor.In {
		x.readable.consumed = true
	}
}

func (n *session) moved(d reactor.Direction) {
	switch {
	case d == reactor.Out:
		n.answered = true
	case n.phase == phaseIdle:
		n.begin(phaseRequest, n.server.config.RequestTimeout)
	}
}

// begin starts a phase. The timer is moved only if it would be too late: where
// it is early, it finds out by itself, so that most requests move nothing.
func (n *session) begin(p phase, limit time.Duration) {
	n.phase, n.answered, n.at = p, false, 0
	if limit <= 0 {
		return
	}
	n.at = n.scope.loop.reactor.After(limit)
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
