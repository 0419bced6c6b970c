package prefork

import (
	"context"
	"fmt"
	"os"
	"time"
)

const (
	// eventQueue is how many events may wait for the master's goroutine.
	//
	// Bound: who brings more waits; that is goroutines of ours alone.
	eventQueue = 64
	// signalQueue is how many signals may wait for it.
	//
	// Bound: os/signal drops what finds it full. There are eight kinds.
	signalQueue = 16
)

// master is a Master at work. All of it belongs to the goroutine of supervise;
// others bring functions by post.
type master struct {
	Master
	in        inherited
	pid       int
	startedAt time.Time
	phase     masterPhase
	err       error // what Run will return

	events  chan func()
	ended   chan struct{} // closed when nobody takes events any more
	spawner *spawner
	sockets sockets
	router  *router
	accept  *acceptor // with SpreadLeastConns, while there are workers
	notify  *notifier

	slots      []*slot
	procs      map[*process]struct{} // all that have not ended
	exits      map[string]int        // how they ended
	restarts   int
	generation int
	config     []byte
	reloading  *reload
	again      bool     // another reload was asked for meanwhile
	successor  *process // an upgrade is under way, or done
	parent     *Peer    // the master we take over from
	announced  bool     // all workers have served once
}

// masterPhase is where a master is in its life.
//
//	            all serve           retire
//	starting -------------> serving ------> retired
//	                          |   ^           |
//	                          |   '--reload---'
//	                          |
//	             upgrade done |             quit, stop (from any)
//	                          v                     |
//	                      handedOver ---------------+--> ending --> Run returns
type masterPhase uint8

const (
	masterStarting masterPhase = iota
	masterServing
	masterRetired    // without workers, by CommandRetire
	masterHandedOver // a successor serves
	masterEnding     // until the last process has ended
)

func (p masterPhase) String() string {
	return [...]string{"starting", "serving", "retired", "handed over", "ending"}[p]
}

// slot is a place for a worker: the one that has it changes.
type slot struct {
	number  int
	current *process // nil while it waits to be started again
	history restarts
	retry   *time.Timer
}

// post brings fn to the master's goroutine.
func (m *master) post(fn func()) {
	select {
	case m.events <- fn:
	case <-m.ended:
	}
}

// supervise starts the workers and watches them until the end.
func (m *master) supervise(ctx context.Context, signals <-chan os.Signal) error {
	defer close(m.ended)
	defer m.removePIDFile()
	m.startAll()
	hangs, stopHangs := every(m.HangTimeout / 4)
	defer stopHangs()
	watchdog, stopWatchdog := every(m.notify.watchdog / 2)
	defer stopWatchdog()
	done := ctx.Done()
	for {
		switch m.phase {
		case masterEnding:
			if len(m.procs) == 0 {
				m.finish()
				return m.err
			}
		case masterHandedOver:
			if m.onlySuccessor() && !m.KeepAfterUpgrade {
				m.Logger.Info("prefork: every worker has ended; the successor goes on", "pid", m.successor.peer.PID)
				m.finish()
				return nil
			}
		}
		select {
		case fn := <-m.events:
			fn()
		case s := <-signals:
			m.command(commands[s], s.String())
		case <-done:
			done = nil
			m.command(CommandQuit, "the end of its context")
		case <-hangs:
			m.findHung()
		case <-watchdog:
			m.notify.send("WATCHDOG=1")
		}
	}
}

// every is a ticker, or nothing for a time that is not positive.
func every(d time.Duration) (<-chan time.Time, func()) {
	if d <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(d)
	return t.C, t.Stop
}

// command carries out what a signal, or Control, asks for.
func (m *master) command(c Command, from string) {
	m.Logger.Info("prefork: told to "+c.String(), "by", from, "pid", m.pid)
	switch c {
	case CommandStop:
		m.end(false)
	case CommandQuit:
		m.end(true)
	case CommandReload:
		m.reload(len(m.slots))
	case CommandUpgrade:
		m.upgrade()
	case CommandRetire:
		m.retire(from)
	case CommandMore:
		m.resize(len(m.slots) + 1)
	case CommandFewer:
		m.resize(len(m.slots) - 1)
	}
}

// startAll fills the slots.
func (m *master) startAll() {
	m.generation++
	m.slots = nil
	for i := range m.Workers {
		m.slots = append(m.slots, m.newSlot(i))
	}
	m.startAccepting()
	for _, s := range m.slots {
		m.fill(s)
	}
}

func (m *master) newSlot(number int) *slot {
	return &slot{number: number, history: restarts{policy: m.Restart}}
}

// startAccepting begins handing connections out, if that is the master's part.
func (m *master) startAccepting() {
	if m.Spread == SpreadLeastConns && m.accept == nil {
		var err error
		if m.accept, err = newAcceptor(m); err != nil {
			m.fail(err)
		}
	}
}

func (m *master) stopAccepting() {
	if m.accept != nil {
		m.accept.stop()
		m.accept = nil
	}
}

// workerSockets are what a worker in a slot accepts from.
func (m *master) workerSockets(slot, workers int) []*socket {
	if m.Spread == SpreadLeastConns {
		return nil
	}
	return m.sockets.forWorker(slot, workers)
}

// startWorker starts a worker of a generation.
func (m *master) startWorker(slot, workers, generation int, config []byte) (*process, error) {
	in := inherited{role: roleWorker, Slot: slot, Generation: generation}
	return m.start(samePath(), in, m.workerSockets(slot, workers), config)
}

// fill starts a worker for an empty slot, now.
func (m *master) fill(s *slot) {
	s.retry = nil
	if m.phase == masterEnding || s.current != nil || m.perConn && len(m.procs) >= m.maxProcesses {
		return
	}
	p, err := m.startWorker(s.number, len(m.slots), m.generation, m.config)
	if err != nil {
		m.Logger.Error("prefork: a worker cannot be started", "worker", s.number, "error", err)
		m.ranOut(s, 0, exit{err: err, at: time.Now()})
		return
	}
	s.current = p
}

// ready is called when a process serves.
func (m *master) ready(p *process) {
	m.Logger.Info("prefork: serving", "role", p.role.String(), "pid", p.peer.PID, "worker", p.slot, "generation", p.generation,
		"after", p.readyAt.Sub(p.startedAt).Round(time.Millisecond))
	switch {
	case p == m.successor:
		m.handOver()
	case m.reloading != nil && m.reloading.has(p):
		m.reloading.ready++
		if m.reloading.ready == len(m.reloading.procs) {
			m.switchOver()
		}
	default:
		m.router.add(p.target)
		m.announce()
	}
}

// announce says that the server is up, once all workers are.
func (m *master) announce() {
	for _, s := range m.slots {
		if s.current == nil || s.current.state == processStarting {
			return
		}
	}
	if m.phase == masterStarting {
		m.phase = masterServing
	}
	if m.announced {
		return
	}
	m.announced = true
	m.Logger.Info("prefork: all workers serve", "pid", m.pid, "workers", len(m.slots), "addrs", addrStrings(m.sockets.addrs()))
	m.writePIDFile()
	m.notify.send("READY=1", fmt.Sprintf("MAINPID=%d", m.pid))
	if m.parent != nil {
		_ = m.parent.link.send(frame{kind: frameReady, body: []byte("{}"), fd: noFD})
	}
	if m.Started != nil {
		go m.Started(&Control{m})
	}
}

// taken lets a worker that serves its one connection go its way, and starts one
// that waits for the next.
func (m *master) taken(p *process) {
	if p.state != processServing {
		return
	}
	p.state = processTaken
	m.router.remove(p.target)
	if m.reloading != nil && m.reloading.has(p) {
		m.refillReload(p)
	}
	for _, s := range m.slots {
		if s.current == p {
			s.current = nil
			s.history.inARow = 0
			m.fill(s)
		}
	}
}

// fail ends the master with an error.
func (m *master) fail(err error) {
	if m.err == nil {
		m.err = err
		m.Logger.Error("prefork: the master gives up", "pid", m.pid, "error", err)
	}
	m.end(false)
}

// end ends everything: gracefully, or at once, also after gracefully.
func (m *master) end(gracefully bool) {
	if m.phase != masterEnding {
		m.notify.send("STOPPING=1")
	}
	handedOver := m.phase == masterHandedOver
	m.phase = masterEnding
	m.stopAccepting()
	m.reloading, m.again = nil, false
	for _, s := range m.slots {
		if s.retry != nil {
			s.retry.Stop()
			s.retry = nil
		}
	}
	for p := range m.procs {
		switch {
		case p == m.successor && handedOver:
			delete(m.procs, p) // it goes on without us
		case p == m.successor, !gracefully:
			m.stop(p)
		default:
			m.drain(p, handedOver)
		}
	}
}

// finish says goodbye. The last worker's connections may still be on their way to
// the successor.
func (m *master) finish() {
	if m.successor != nil {
		giveUp := make(chan struct{})
		defer time.AfterFunc(holdTime, func() { close(giveUp) }).Stop()
		m.successor.peer.link.flush(giveUp)
	}
	m.router.close()
	if m.parent != nil {
		m.parent.link.close()
	}
	if m.err == nil {
		m.Logger.Info("prefork: the master has ended", "pid", m.pid)
	}
}
