package prefork

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// Control is the running master, for the program's own code in the master's
// process. Any goroutine may call its methods.
type Control struct{ m *master }

// Status is a worker, as it is now.
type Status struct {
	PID        int
	Slot       int
	Generation int
	State      string        // "starting", "serving", "taken", "draining", "stopping"
	Age        time.Duration // since its start
	Silent     time.Duration // since its last heartbeat
	Conns      int           // open connections
	Received   int64         // connections that were passed to it
	// Counters are the worker's own: what its function Worker.Counters gave, as
	// JSON. Nil where it has none, or does not answer.
	Counters json.RawMessage `json:",omitempty"`
}

// Snapshot is the master and all its workers.
type Snapshot struct {
	PID        int
	Phase      string
	Age        time.Duration
	Generation int
	Restarts   int            // workers that were replaced
	Exits      map[string]int // processes that have ended, by the reason
	Workers    []Status       // by generation and slot
}

// countersName is the request by which a worker is asked for its counters.
const countersName = "prefork.counters"

// Do carries out a command, as if its signal had come.
func (c *Control) Do(command Command) {
	c.m.post(func() { c.m.command(command, "the program") })
}

// on runs fn on the master's goroutine and waits for it. It reports whether the
// master is still there.
func (c *Control) on(fn func()) bool {
	done := make(chan struct{})
	c.m.post(func() { defer close(done); fn() })
	select {
	case <-done:
		return true
	case <-c.m.ended:
		return false
	}
}

// Peers are the workers that serve, by slot.
func (c *Control) Peers() []*Peer {
	var peers []*Peer
	c.on(func() {
		for _, s := range c.m.slots {
			if s.current != nil && s.current.state == processServing {
				peers = append(peers, s.current.peer)
			}
		}
	})
	return peers
}

// Broadcast tells all workers that serve. It returns the errors of those that
// could not be told, joined.
func (c *Control) Broadcast(name string, v any) error {
	var errs []error
	for _, p := range c.Peers() {
		errs = append(errs, p.Tell(name, v))
	}
	return errors.Join(errs...)
}

// Snapshot asks every worker for its counters and waits for the answers, as long
// as ctx allows. A worker that does not answer is in it all the same. Errors:
// net.ErrClosed when the master has ended.
func (c *Control) Snapshot(ctx context.Context) (Snapshot, error) {
	var s Snapshot
	var peers []*Peer
	there := c.on(func() {
		m := c.m
		now := time.Now()
		s = Snapshot{PID: m.pid, Phase: m.phase.String(), Age: now.Sub(m.startedAt), Generation: m.generation,
			Restarts: m.restarts, Exits: maps.Clone(m.exits)}
		for p := range m.procs {
			if p.role != roleWorker {
				continue
			}
			s.Workers = append(s.Workers, Status{PID: p.peer.PID, Slot: p.slot, Generation: p.generation, State: p.state.String(),
				Age: now.Sub(p.startedAt), Silent: now.Sub(p.lastBeat), Conns: p.report.Conns, Received: p.report.Received})
			peers = append(peers, p.peer)
		}
	})
	if !there {
		return s, net.ErrClosed
	}
	var all sync.WaitGroup
	for i, p := range peers {
		w := &s.Workers[i]
		all.Go(func() {
			var fresh counters
			if p.Ask(ctx, countersName, struct{}{}, &fresh) == nil {
				w.Conns, w.Received, w.Counters = fresh.Conns, fresh.Received, fresh.Own
			}
		})
	}
	all.Wait()
	slices.SortFunc(s.Workers, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(a.Slot, b.Slot), cmp.Compare(a.PID, b.PID))
	})
	return s, nil
}

// counters is a worker's answer.
type counters struct {
	report
	Own json.RawMessage
}

// Addrs are the addresses that are listened on, as they are bound.
func (c *Control) Addrs() []net.Addr {
	var addrs []net.Addr
	c.on(func() { addrs = c.m.sockets.addrs() })
	return addrs
}
