package load

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/weft-go/weft/poller"
)

const (
	// stallLimit is how long nothing may come back, while something is due,
	// before a run fails with ErrStalled.
	//
	// Bound: beyond the retransmissions that a loaded loopback shows (TCP's first
	// timeouts are 0.2 to 1.6 s), and three times what a busy machine, or a virtual
	// one that its host does not run, may stand still.
	stallLimit = 30 * time.Second
	// drainLimit is how long after the end of a run answers are waited for. A
	// server that cannot keep the planned rate has as many to give as the plan
	// was ahead of it.
	//
	// Bound: stallLimit, and some seconds more for one that makes progress.
	drainLimit = 34 * time.Second
	// readBuffer is the bytes of one read, shared by all connections.
	readBuffer = 64 << 10
	// eventsPerWait: as the servers', so that neither side batches more.
	eventsPerWait = 256
	// tasksPerTurn is how many planned things are done before events are looked
	// at.
	//
	// Bound: as many as events are handled before planned things are looked at.
	tasksPerTurn = 256
	// outstandingMost is how many batches may be between their planned time and
	// their answer, over all connections of an engine. Beyond it the run is void.
	//
	// Bound: 16 bytes each, 64 MiB in all: a server that stands still for eight
	// seconds at half a million messages a second.
	outstandingMost = 4 << 20
)

// Engine is a generator: one thread's connections to one server. Its methods
// belong to one goroutine. See [Process] for an engine in a process of its own.
type Engine struct {
	os       poller.OS
	spec     Spec
	sources  sources
	groups   []*group
	conns    []conn  // all of them, by group; an event's slot is the place in here
	standing []int32 // those that Dial opens, in order
	dialed   int     // how many of these it has opened

	payload  payload
	composed []byte // see content
	chance   *rand.Rand
	seats    []seat
	room     *room // nil without a Sender

	events [eventsPerWait]poller.Event
	in     [readBuffer]byte

	// What is under way.
	phase    phase
	now      time.Duration // on the poller's clock, as of the last look
	deadline time.Duration // from here on nothing is planned
	counted  bool          // the run ends after so many batches, not at the deadline
	agenda   agenda
	owed     int           // batches and connects that have begun and not ended
	held     int           // entries in all flights beyond the first ones
	moved    bool          // something came back in this turn
	progress time.Duration // when something last did
	void     string
	// stallLimit is the constant; a test that waits for it has less.
	stallLimit time.Duration
}

// phase is what the engine does.
//
//	resting <--> touching        spent: after an error or a void
//	resting <--> running         outcome it can only be closed
type phase uint8

const (
	resting phase = iota
	touching
	running
	spent
)

func (p phase) String() string {
	return [...]string{"resting", "touching", "running", "spent"}[p]
}

var errSpent = errors.New("load: after an error or a void outcome, a generator can only be closed")

// Open prepares an engine without connections. It has to be closed. Errors:
// ErrSpec, those of poller.Open.
func Open(s Spec) (*Engine, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	return openPart(s)
}

// openPart is Open for a part of a load that was checked as a whole.
func openPart(s Spec) (*Engine, error) {
	to, err := s.target()
	if err != nil {
		return nil, err
	}
	os, err := poller.Open(poller.Config{EventsPerWait: eventsPerWait})
	if err != nil {
		return nil, err
	}
	e := &Engine{
		os:      os,
		spec:    s,
		sources: newSources(to),
		chance:  rand.New(rand.NewPCG(s.Seed, uint64(s.First))),

		stallLimit: stallLimit,
	}
	total, longest := 0, 0
	for _, g := range s.Groups {
		total += g.Conns
		longest = max(longest, g.Size*g.Depth)
	}
	e.payload = newPayload(longest, s.Seed)
	e.conns = make([]conn, 0, total)
	for _, g := range s.Groups {
		e.addGroup(g)
	}
	return e, nil
}

// addGroup makes the connections of a group, yet to be dialed.
func (e *Engine) addGroup(spec Group) {
	g := newGroup(spec, len(e.conns))
	e.groups = append(e.groups, g)
	ring := ringFirst(g.Role)
	flights := make([]flight, g.Conns*ring)
	for i := range g.Conns {
		c := conn{group: g, number: e.spec.First + len(e.conns), flights: flights[i*ring:][:ring:ring]}
		if g.Role != Churn {
			e.standing = append(e.standing, int32(len(e.conns)))
		}
		e.conns = append(e.conns, c)
	}
	if g.open {
		for place := range g.taking() {
			e.seats = append(e.seats, seat{group: g, place: place})
		}
	}
	switch g.Role {
	case Sender:
		e.room = &room{bytes: g.bytes, sender: &e.conns[g.first]}
	case HTTP:
		g.request = requests(e.spec.Server, g.Depth)
		g.bytes = len(g.request)
	}
}

// Close resets all connections, so that none of them occupies its port for the
// minute of TIME_WAIT.
func (e *Engine) Close() error {
	var failures []error
	for i := range e.conns {
		if c := &e.conns[i]; c.state != unborn && c.state != ended {
			failures = append(failures, e.os.Abort(c.fd))
		}
	}
	e.conns = nil
	return errors.Join(append(failures, e.os.Close())...)
}

// Conns is the number of connections that Dial has opened.
func (e *Engine) Conns() int { return e.dialed }

// grow makes room for one more outstanding batch of c, and reports whether there
// may be more. If not, the run becomes void.
func (e *Engine) grow(c *conn) bool {
	more := max(len(c.flights), 1)
	if e.held+more > outstandingMost {
		e.giveUp("more than %d batches wait for their answers: the server cannot keep the planned rate", outstandingMost)
		return false
	}
	e.held += more
	grown := make([]flight, 2*more)
	for k := c.head; k < c.tail; k++ {
		grown[k&uint64(len(grown)-1)] = *c.flight(k)
	}
	c.flights = grown
	return true
}
