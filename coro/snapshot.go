package coro

import (
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// snapshot is a loop's tasks and scopes at one moment, as plain values that
// another goroutine can make words of at its leisure.
//
// Cost: some 100 ns for each task, in which the loop does nothing else, and a
// system call more for a task that waits for a connection it did not get from
// Serve.
type snapshot struct {
	at     time.Duration // on the loop's clock
	turn   uint64
	idle   int
	scopes []scopeShot // each after the one around it
	tasks  []taskShot
}

type scopeShot struct {
	kind     scopeKind
	around   int    // place of the scope around it; -1 for an outermost one
	owner    uint64 // number of the task that runs its body; 0 without one
	deadline time.Duration
	cause    error
	resting  int // connections of ServeReadable that are idle
}

type taskShot struct {
	id     uint64
	parent uint64
	name   string
	site   uintptr
	scope  int // place of the one it was spawned in
	state  TaskState
	waits  waitKind
	since  time.Duration
	spent  time.Duration
	cause  error // of the innermost scope it is in
	served bool
	peer   *endpoint // of a connection of Serve's
	source *endpoint // that it waits for; nil for what is none
}

// endpoint is an address, before it is words.
type endpoint struct {
	kind endpointKind
	ip   netip.AddrPort
	path string // if ip is not valid
}

// endpointKind is what an address is to the one who waits.
type endpointKind uint8

const (
	noEndpoint   endpointKind = iota
	peerEnd                   // the other end of a connection
	ownEnd                    // a descriptor without a peer, as in a connect
	listeningEnd              // where a listener is bound
)

func (k endpointKind) String() string { return [...]string{"none", "peer", "own", "listener"}[k] }

// scopeKind is what a scope is for. The scopes of a loop all have one type, and
// this is told from what is special about them.
type scopeKind uint8

const (
	scopeOfMain    scopeKind = iota // the outermost one
	scopeOfForeign                  // that of tasks that work for other goroutines
	scopeGroup                      // a WithScope, a Serve
	scopeHandlers                   // of a Serve with a DrainTimeout, in its scope
	scopeOne                        // around one handler, with limits, or one call from another loop
	scopeDaemons
	scopeShield
	scopeTimeout // or a Deadline, or that of a Dialer
	scopeContext // of an operation under a context from outside
)

func (k scopeKind) String() string {
	return [...]string{"main", "calls of other goroutines", "scope", "handlers", "one", "daemons", "shield", "timeout", "context"}[k]
}

func (l *loop) kindOf(s *cancelScope) scopeKind {
	switch {
	case s == &l.foreign.scope:
		return scopeOfForeign
	case s.parent == nil:
		return scopeOfMain
	case s.daemons:
		return scopeDaemons
	case s.group != nil && s == &s.group.scope:
		return scopeGroup
	case s.group != nil && s.shielded:
		return scopeHandlers
	case s.group != nil:
		return scopeOne
	case s.shielded:
		return scopeShield
	case s.deadline != 0:
		return scopeTimeout
	}
	return scopeContext
}

// snapshot looks at everything on the loop. The loop calls it, between two
// tasks.
func (l *loop) snapshot() *snapshot {
	s := &snapshot{at: l.clock(), turn: l.reactor.Activity().Turn, idle: len(l.idle)}
	s.tasks = make([]taskShot, 0, l.live)
	listeners := make(map[*reactor.Source]*Listener, len(l.listeners))
	for ln := range l.listeners {
		listeners[&ln.src] = ln
	}
	s.add(l, &l.root.scope, -1, listeners)
	s.add(l, &l.foreign.scope, -1, listeners)
	return s
}

// add adds a scope, its tasks, and what is inside it.
func (s *snapshot) add(l *loop, scope *cancelScope, around int, listeners map[*reactor.Source]*Listener) {
	place := len(s.scopes)
	shot := scopeShot{kind: l.kindOf(scope), around: around, deadline: scope.deadline, cause: scope.cause}
	if scope.owner != nil {
		shot.owner = scope.owner.id
	}
	if serving := l.readables[scope.group]; serving != nil && shot.kind == scopeGroup {
		shot.resting = serving.idle.len
	}
	s.scopes = append(s.scopes, shot)
	for t := scope.tasks.first; t != nil; t = t.links.next {
		if state, live := liveState(t.state); live {
			shot := taskShot{
				id: t.id, site: t.site, state: state, waits: t.waits, since: t.since,
				cause: t.scope.cause, served: t.conn != nil, source: l.endpoint(t, t.source, listeners),
			}
			if len(l.names.byID) > 0 {
				shot.name = t.name()
			}
			if l.meter != nil {
				shot.spent = l.meter.spent[t.id]
			}
			if shot.served {
				if shot.peer = shot.source; t.source != &t.conn.src {
					shot.peer = l.endpoint(t, &t.conn.src, nil)
				}
			}
			shot.scope, shot.parent = place, s.bodyOf(place)
			s.tasks = append(s.tasks, shot)
		}
	}
	for inner := scope.inner.first; inner != nil; inner = inner.links.next {
		s.add(l, inner, place, listeners)
	}
}

// bodyOf is the task whose body a scope is in: daemons have it from the scope
// around theirs.
func (s *snapshot) bodyOf(place int) uint64 {
	for s.scopes[place].owner == 0 && s.scopes[place].around >= 0 {
		place = s.scopes[place].around
	}
	return s.scopes[place].owner
}

// endpoint is what a source's descriptor is connected to, or where it is.
func (l *loop) endpoint(t *task, source *reactor.Source, listeners map[*reactor.Source]*Listener) *endpoint {
	switch {
	case source == nil:
		return nil
	case t.conn != nil && source == &t.conn.src && t.conn.peer.IsValid():
		return &endpoint{kind: peerEnd, ip: t.conn.peer}
	case listeners[source] != nil:
		return endpointOf(listeningEnd, listeners[source].addr)
	case source.FD() == poller.NoFD:
		return nil
	}
	if addr, err := l.reactor.OS().PeerAddr(source.FD()); err == nil {
		return endpointOf(peerEnd, addr)
	}
	if addr, err := l.reactor.OS().LocalAddr(source.FD()); err == nil {
		return endpointOf(ownEnd, addr)
	}
	return nil
}

func endpointOf(kind endpointKind, a poller.Addr) *endpoint {
	return &endpoint{kind: kind, ip: a.AddrPort, path: a.Path}
}

// end is what kind it is; of none, noEndpoint.
func (e *endpoint) end() endpointKind {
	if e == nil {
		return noEndpoint
	}
	return e.kind
}

func (e *endpoint) String() string {
	switch {
	case e == nil:
		return ""
	case e.ip.IsValid():
		return e.ip.String()
	case e.path == "" || e.path == "@":
		return "an unnamed socket"
	}
	return e.path
}
