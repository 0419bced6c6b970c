package prefork

import (
	"fmt"
)

// An upgrade, step by step:
//
//	old master          new master         old workers        new workers
//	----------          ----------         -----------        -----------
//	start, sockets ---> start ----------------------------->  listen
//	                    all serve <--------------- ready ---  serve
//	        <-- ready --
//	drain ------------------------------>  stop accepting
//	        <-- conns -------------------  hand over
//	        --- conns -> --- conns -------------------------> go on serving
//	end                                    end
//
// The sockets are open in both masters all the time. If the new one ends before it
// is ready, for whatever reason, the old one has lost nothing.

// upgrade starts a successor.
func (m *master) upgrade() {
	switch {
	case m.phase != masterServing && m.phase != masterRetired, m.reloading != nil:
		m.Logger.Warn("prefork: cannot upgrade now", "phase", m.phase.String())
		return
	case m.successor != nil:
		m.Logger.Warn("prefork: an upgrade is under way already", "pid", m.successor.peer.PID)
		return
	}
	p, err := m.start(ownPath, inherited{role: roleSuccessor}, m.sockets.all, nil)
	if err != nil {
		m.Logger.Error("prefork: upgrade failed, the old program goes on", "error", err)
		return
	}
	m.successor = p
}

// handOver is the moment at which the successor is the server.
func (m *master) handOver() {
	m.Logger.Info("prefork: upgraded", "successor", m.successor.peer.PID, "pid", m.pid)
	m.phase = masterHandedOver
	m.sockets.keep = true
	m.notify.send(fmt.Sprintf("MAINPID=%d", m.successor.peer.PID), "READY=1")
	m.router.add(m.successor.target)
	if m.KeepAfterUpgrade {
		return
	}
	m.stopAccepting()
	for _, s := range m.slots {
		m.empty(s, true)
	}
	for p := range m.procs {
		if p != m.successor {
			m.drain(p, true)
		}
	}
}

// lostSuccessor is the end of the one that was to take over, or has.
func (m *master) lostSuccessor(p *process, e exit) {
	m.successor = nil
	switch m.phase {
	case masterEnding:
	case masterHandedOver:
		m.Logger.Error("prefork: the successor has ended, the old program serves again", "error", p.last(e))
		m.phase = masterServing
		m.sockets.keep = false
		m.writePIDFile()
		m.notify.send(fmt.Sprintf("MAINPID=%d", m.pid))
		m.Workers = max(len(m.slots), 1)
		if !m.KeepAfterUpgrade {
			m.startAll()
		}
	default:
		m.Logger.Error("prefork: upgrade failed, the old program goes on", "error", p.last(e))
	}
}

// onlySuccessor reports whether every worker has ended.
func (m *master) onlySuccessor() bool {
	_, there := m.procs[m.successor]
	return there && len(m.procs) == 1
}

// meetParent opens the link to the master that we take over from.
func (m *master) meetParent() error {
	l, err := newLink(linkFD, m.in.MaxMessage)
	if err != nil {
		return fmt.Errorf("%w: %w", errInherited, err)
	}
	m.parent = newPeer(l, m.Handlers)
	l.serve(func(f frame) {
		switch {
		case m.parent.receive(f):
		case f.kind == frameConn:
			m.pass(f)
		case f.kind == frameStop:
			m.post(func() { m.command(CommandStop, "the old master") })
		default:
			f.drop()
		}
	}, func(error) { m.parent.end() })
	return nil
}
