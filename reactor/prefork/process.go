package prefork

import (
	"encoding/json"
	"os"
	"time"
)

// process is one that the master has started: a worker, or its successor. It
// belongs to the master's goroutine.
type process struct {
	slot, generation int
	role             role
	os               *os.Process
	peer             *Peer
	target           *target // where connections for it go
	state            processState
	startedAt        time.Time
	readyAt          time.Time
	lastBeat         time.Time
	report           report
	words            string // the error it said it ends with
	hung, late       bool   // why it was stopped: no heartbeat, or over the time to drain
	timer            *time.Timer
	linkEnded        chan struct{} // everything it sent has been handled
}

// processState is where a process is in its life, as its master sees it.
//
//	             ready             drain              ended
//	starting ------------> serving -----> draining ------------> ended
//	    |                  |     |            |                    ^
//	    |                  |     | taken      | over the time      |
//	    |                  |     v            v                    |
//	    |                  |   taken ---> stopping --ended, kill---'
//	    '---over the time--'--no heartbeat----^
//
// From every state a process can end by itself.
type processState uint8

const (
	processStarting processState = iota
	processServing
	processTaken    // it has the one connection it is for
	processDraining // told to finish
	processStopping // told to end at once, and killed if it does not
	processEnded
)

func (s processState) String() string {
	return [...]string{"starting", "serving", "taken", "draining", "stopping", "ended"}[s]
}

// report is what a worker tells about itself with every heartbeat.
type report struct {
	Conns    int   // open connections
	Received int64 // connections that were passed to it, ever
	Room     int   // how many connections it can have, by its descriptor limit
}

// unknownLimit stands for a number of descriptors that nothing limits.
const unknownLimit = 1 << 30

// startWords and drainWords are the bodies of the frames of those names.
type startWords struct {
	Config []byte
}

type drainWords struct {
	// HandOver: others can take connections over.
	HandOver bool
	// Within is the time for it.
	Within time.Duration
}

// start starts a worker, or a successor from path.
func (m *master) start(path string, in inherited, sockets []*socket, config []byte) (*process, error) {
	in.MaxMessage = m.MaxMessage
	proc, l, err := m.spawner.spawn(path, in, sockets)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	p := &process{
		slot: in.Slot, generation: in.Generation, role: in.role,
		os: proc, peer: newPeer(l, m.Handlers),
		startedAt: now, lastBeat: now,
		linkEnded: make(chan struct{}),
	}
	p.peer.PID, p.peer.Slot, p.peer.Generation = proc.Pid, in.Slot, in.Generation
	p.target = &target{link: l, room: unknownLimit}
	m.procs[p] = struct{}{}
	l.serve(func(f frame) { m.received(p, f) }, func(err error) {
		if err != nil {
			m.Logger.Error("prefork: the link to a process is broken", "pid", p.peer.PID, "error", err)
			_ = p.os.Kill() // it cannot be told anything any more
		}
		p.peer.end()
		close(p.linkEnded)
	})
	words, err := json.Marshal(startWords{Config: config})
	if err == nil {
		err = l.send(frame{kind: frameStart, body: words, fd: noFD})
	}
	if err != nil {
		m.Logger.Error("prefork: the configuration cannot be sent", "pid", p.peer.PID, "error", err)
	}
	go func() {
		state, err := p.os.Wait()
		e := exit{state, err, time.Now()}
		<-p.linkEnded // its last words, and connections it handed over
		m.post(func() { m.exited(p, e) })
	}()
	p.after(m, m.StartTimeout, func() {
		m.Logger.Error("prefork: a process does not serve in time, stopping it", "role", p.role.String(), "pid", p.peer.PID, "limit", m.StartTimeout)
		p.late = true
		m.stop(p)
	})
	m.Logger.Info("prefork: started", "role", p.role.String(), "pid", p.peer.PID, "worker", p.slot, "generation", p.generation)
	return p, nil
}

// received handles a frame of a process. It is called on the link's goroutine.
func (m *master) received(p *process, f frame) {
	switch {
	case p.peer.receive(f):
	case f.kind == frameConn:
		m.pass(f)
	case f.kind == frameReady, f.kind == frameBeat:
		var r report
		_ = json.Unmarshal(f.body, &r) // a successor has none
		m.router.update(p.target, r)
		at := time.Now()
		m.post(func() {
			p.lastBeat, p.report = at, r
			if f.kind == frameReady && p.state == processStarting {
				p.state, p.readyAt = processServing, at
				p.stopTimer()
				m.ready(p)
			}
		})
	case f.kind == frameFailed:
		m.post(func() { p.words = string(f.body) })
	case f.kind == frameTaken:
		m.post(func() { m.taken(p) })
	default:
		f.drop()
	}
}

// after calls fn when d has passed, on the master's goroutine, unless stopTimer or
// another after comes first. A process has one thing at a time to be late for.
func (p *process) after(m *master, d time.Duration, fn func()) {
	p.stopTimer()
	var t *time.Timer
	t = time.AfterFunc(d, func() {
		m.post(func() {
			if p.timer == t && p.state != processEnded {
				fn()
			}
		})
	})
	p.timer = t
}

func (p *process) stopTimer() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}

// drain tells a worker to finish.
func (m *master) drain(p *process, handOver bool) {
	switch p.state {
	case processStarting: // it has nothing to finish
		m.stop(p)
		return
	case processServing, processTaken:
	default:
		return
	}
	m.router.remove(p.target)
	p.state = processDraining
	words, _ := json.Marshal(drainWords{HandOver: handOver, Within: m.DrainTimeout})
	if p.peer.link.send(frame{kind: frameDrain, body: words, fd: noFD}) != nil {
		m.stop(p)
		return
	}
	// A worker cuts off by itself what is over the time.
	p.after(m, m.DrainTimeout+m.StopTimeout, func() {
		p.late = true
		m.stop(p)
	})
}

// stop tells a process to end at once.
func (m *master) stop(p *process) {
	if p.state == processStopping || p.state == processEnded {
		return
	}
	m.router.remove(p.target)
	p.state = processStopping
	_ = p.peer.link.send(frame{kind: frameStop, fd: noFD})
	_ = p.os.Signal(signalStop) // also where it does not read its link
	m.killAfter(p, m.StopTimeout)
}

func (m *master) killAfter(p *process, d time.Duration) {
	p.after(m, d, func() {
		m.Logger.Warn("prefork: killing a process that does not end", "pid", p.peer.PID)
		_ = p.os.Kill()
	})
}

// dumpTime is how long a hung worker has to print its stacks.
//
// Bound: the port is served by the others meanwhile, but by one fewer.
const dumpTime = 500 * time.Millisecond

// abort ends a worker whose loops stand still, with a dump of its goroutines on the
// standard error: what it hangs in is worth more than its last half second.
func (m *master) abort(p *process) {
	m.Logger.Error("prefork: no heartbeat, stopping a worker that hangs", "pid", p.peer.PID, "worker", p.slot,
		"silent", time.Since(p.lastBeat).Round(time.Millisecond), "limit", m.HangTimeout)
	m.router.remove(p.target)
	p.state, p.hung = processStopping, true
	_ = p.os.Signal(signalDump)
	m.killAfter(p, dumpTime)
}

// why says in a word how a process came to end, for the log and the counters.
func (p *process) why(before processState, e exit) string {
	switch {
	case p.hung:
		return "hung"
	case p.late && before == processStopping && p.readyAt.IsZero():
		return "not serving in time"
	case p.late:
		return "not drained in time"
	case before == processStopping:
		return "stopped"
	case before == processDraining && e.state != nil && e.state.Success():
		return "drained"
	case before == processTaken && e.state != nil && e.state.Success():
		return "served its connection"
	case before == processStarting:
		return "failed to start"
	}
	return "crashed"
}
