package prefork

import (
	"fmt"
	"time"
)

// What a master does when a process has ended, told to or not.

// exited is the end of a process, whatever the reason.
func (m *master) exited(p *process, e exit) {
	before := p.state
	p.state = processEnded
	p.stopTimer()
	p.peer.link.close()
	m.router.remove(p.target)
	delete(m.procs, p)
	why := p.why(before, e)
	m.exits[why]++
	log := m.Logger.Info
	if expected := before == processDraining || before == processStopping || before == processTaken; !expected || p.hung || p.late {
		log = m.Logger.Error
	}
	log("prefork: ended", "role", p.role.String(), "pid", p.peer.PID, "worker", p.slot, "generation", p.generation,
		"why", why, "exit", e.String(), "said", p.words)

	switch {
	case p == m.successor:
		m.lostSuccessor(p, e)
	case m.reloading != nil && m.reloading.has(p):
		m.abortReload(fmt.Errorf("worker %d of the new generation has ended: %s", p.slot, p.last(e)))
	default:
		for _, s := range m.slots {
			if s.current == p {
				s.current = nil
				m.replace(s, p, e)
			}
		}
	}
	if m.perConn && m.phase != masterEnding {
		for _, s := range m.slots { // one process fewer: there is room for one more
			if s.current == nil && s.retry == nil {
				m.fill(s)
			}
		}
	}
}

// last is a process's last words, or how it ended.
func (p *process) last(e exit) string {
	if p.words != "" {
		return p.words
	}
	return e.String()
}

// replace starts another worker for one that has ended by itself.
func (m *master) replace(s *slot, p *process, e exit) {
	if m.phase == masterEnding || m.phase == masterRetired || m.phase == masterHandedOver {
		return
	}
	if m.in.role == roleSuccessor && !m.announced {
		m.fail(fmt.Errorf("prefork: worker %d has ended before all served: %s", s.number, p.last(e)))
		return
	}
	var served time.Duration
	if !p.readyAt.IsZero() {
		served = e.at.Sub(p.readyAt)
	}
	if p.words != "" {
		e.err = fmt.Errorf("%s (%s)", p.words, e)
	}
	m.ranOut(s, served, e)
}

// ranOut decides when an empty slot is filled again.
func (m *master) ranOut(s *slot, served time.Duration, e exit) {
	wait, err := s.history.ended(served, e)
	if err != nil {
		m.fail(err)
		return
	}
	m.restarts++
	if wait == 0 {
		m.fill(s)
		return
	}
	m.Logger.Warn("prefork: will start the worker again", "worker", s.number, "in", wait, "times", s.history.inARow, "of", m.Restart.Limit)
	var t *time.Timer
	t = time.AfterFunc(wait, func() {
		m.post(func() {
			if s.retry == t {
				m.fill(s)
			}
		})
	})
	s.retry = t
}

// findHung ends the workers that have sent no heartbeat for too long.
func (m *master) findHung() {
	for p := range m.procs {
		watched := p.role == roleWorker && (p.state == processServing || p.state == processTaken || p.state == processDraining)
		if watched && time.Since(p.lastBeat) > m.HangTimeout {
			m.abort(p)
		}
	}
}
