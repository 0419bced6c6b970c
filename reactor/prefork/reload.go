package prefork

import (
	"fmt"
	"slices"
)

// A reload, step by step:
//
//	master            new workers          old workers       port
//	------            -----------          -----------       ----
//	Config            .                    serve             open
//	start  ---------> open, listen         serve             open
//	       <--ready-- serve                serve             open
//	drain  ------------------------------> stop accepting    open
//	       <--conns-----------------------  hand over
//	       --conns--> go on serving        end               open
//
// Order: the old ones are told when all of the new ones serve, and not before. If
// one of these fails, they are stopped, and nothing has happened.

// reload is a generation of workers that is being started.
type reload struct {
	generation int
	config     []byte
	procs      []*process // by slot
	ready      int
}

func (r *reload) has(p *process) bool { return slices.Contains(r.procs, p) }

// reload begins to replace all workers by so many.
func (m *master) reload(workers int) {
	switch {
	case m.phase == masterStarting, m.phase == masterEnding, m.phase == masterHandedOver && !m.KeepAfterUpgrade:
		m.Logger.Warn("prefork: cannot reload now", "phase", m.phase.String())
		return
	case m.successor != nil && m.phase != masterHandedOver:
		m.Logger.Warn("prefork: cannot reload during an upgrade")
		return
	case m.reloading != nil:
		m.again = true // once more, however often it is asked for
		return
	}
	config := m.config
	if m.Config != nil {
		var err error
		if config, err = m.Config(); err != nil {
			m.Logger.Error("prefork: reload refused, the workers go on as they are", "error", fmt.Errorf("configuration: %w", err))
			return
		}
	}
	m.notify.reloading()
	m.generation++
	r := &reload{generation: m.generation, config: config}
	m.reloading = r
	for i := range workers {
		p, err := m.startWorker(i, workers, r.generation, config)
		if err != nil {
			m.abortReload(err)
			return
		}
		r.procs = append(r.procs, p)
	}
}

// refillReload starts another worker for one of the new generation that has taken
// its connection before all were ready.
func (m *master) refillReload(taken *process) {
	r := m.reloading
	p, err := m.startWorker(taken.slot, len(r.procs), r.generation, r.config)
	if err != nil {
		m.abortReload(err)
		return
	}
	r.procs[slices.Index(r.procs, taken)] = p
	r.ready--
}

// switchOver is the moment at which the new workers are the workers.
func (m *master) switchOver() {
	r, old := m.reloading, m.slots
	m.reloading, m.config = nil, r.config
	m.slots = nil
	for i, p := range r.procs {
		s := m.newSlot(i)
		s.current = p
		m.slots = append(m.slots, s)
		m.router.add(p.target)
	}
	if m.phase == masterRetired {
		m.phase = masterServing
	}
	m.startAccepting()
	for _, s := range old {
		m.empty(s, true)
	}
	if m.perConn {
		for p := range m.procs {
			if p.generation < r.generation {
				m.drain(p, false)
			}
		}
	}
	m.Logger.Info("prefork: reloaded", "generation", r.generation, "workers", len(m.slots))
	m.notify.send("READY=1")
	if m.again {
		m.again = false
		m.reload(len(m.slots))
	}
}

// empty lets the worker of a slot that is given up finish.
func (m *master) empty(s *slot, handOver bool) {
	if s.retry != nil {
		s.retry.Stop()
		s.retry = nil
	}
	if p := s.current; p != nil {
		s.current = nil
		m.drain(p, handOver)
	}
}

// abortReload goes back to the workers that there are.
func (m *master) abortReload(err error) {
	r := m.reloading
	m.reloading = nil
	m.Logger.Error("prefork: reload failed, the old workers go on", "error", err)
	for _, p := range r.procs {
		m.stop(p)
	}
	m.notify.send("READY=1")
	if m.again && m.phase != masterEnding {
		m.again = false
		m.reload(len(m.slots))
	}
}

// resize changes the number of workers.
func (m *master) resize(workers int) {
	switch {
	case workers < 1 || workers > maxWorkers:
		m.Logger.Warn("prefork: cannot have so many workers", "workers", workers, "most", maxWorkers)
	case m.phase != masterServing || m.reloading != nil || m.successor != nil:
		m.Logger.Warn("prefork: cannot change the number of workers now", "phase", m.phase.String())
	case m.Spread == SpreadReusePort:
		// Every socket needs a worker, so all are dealt out anew.
		m.reload(workers)
	case workers > len(m.slots):
		s := m.newSlot(len(m.slots))
		m.slots = append(m.slots, s)
		m.fill(s)
	default:
		last := m.slots[workers]
		m.slots = m.slots[:workers]
		m.empty(last, true)
	}
}

// retire lets all workers finish and starts none.
func (m *master) retire(from string) {
	switch {
	case inForeground():
		m.Logger.Warn("prefork: not retiring: in the foreground of a terminal this signal is a change of the window's size", "by", from)
		return
	case m.phase != masterServing && m.phase != masterHandedOver:
		m.Logger.Warn("prefork: cannot retire the workers now", "phase", m.phase.String())
		return
	}
	if m.reloading != nil {
		m.again = false
		m.abortReload(fmt.Errorf("told to retire"))
	}
	handOver := m.phase == masterHandedOver
	if !handOver {
		m.phase = masterRetired
	}
	m.stopAccepting()
	for _, s := range m.slots {
		m.empty(s, handOver)
	}
}
