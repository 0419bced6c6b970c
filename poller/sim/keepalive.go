package sim

import (
	"syscall"
	"time"
)

// keepAlive finds out that a silent peer is gone: after a time of silence it
// probes, and after some probes without an answer the connection has timed out.
type keepAlive struct {
	appointment
	heard  time.Duration // when something came from the peer last
	probes int           // without an answer
}

// Where the options say nothing, Linux's own times hold (tcp(7)).
const (
	defaultKeepAliveIdle     = 2 * 60 * 60 // seconds, as the others
	defaultKeepAliveInterval = 75
	defaultKeepAliveCount    = 9
)

// watch begins, goes on with, or ends the keep-alive, as the options want it.
// Inside a host nobody gets lost.
func (s *stream) watch() {
	k, agenda := &s.pulse, &s.world().agenda
	agenda.cancel(&k.appointment)
	if !s.options.keepAlive || s.state != streamOpen || s.out.path == nil {
		return
	}
	k.do = s.probe
	next := k.heard + seconds(s.keepAliveIdle, defaultKeepAliveIdle)
	if k.probes > 0 {
		next = s.world().now + seconds(s.keepAliveInterval, defaultKeepAliveInterval)
	}
	agenda.set(&k.appointment, next)
}

func seconds(n, otherwise int) time.Duration {
	if n <= 0 {
		n = otherwise
	}
	return time.Duration(n) * time.Second
}

// probe is the end of a time of silence, unless something was heard meanwhile.
func (s *stream) probe() {
	k, w := &s.pulse, s.world()
	switch {
	case w.now < k.heard+seconds(s.keepAliveIdle, defaultKeepAliveIdle):
		k.probes = 0
	case s.out.path.mute() || s.out.path.back.mute():
		most := s.keepAliveCount
		if most <= 0 {
			most = defaultKeepAliveCount
		}
		if k.probes++; k.probes > most {
			s.fail(syscall.ETIMEDOUT)
			return
		}
	case s.peer.process.dead:
		s.fail(syscall.ECONNRESET)
		return
	default:
		k.heard, k.probes = w.now, 0
	}
	s.watch()
}
