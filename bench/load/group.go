package load

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// group is a Group with its connections' places and what it has measured.
type group struct {
	Group
	first int  // its first connection in Engine.conns
	bytes int  // of a batch
	open  bool // its sends are planned
	// accept checks what came.
	accept func(e *Engine, c *conn, p []byte) error
	// request is the batch of the role HTTP, which is always the same; body is
	// the first answer's, as far as it is known.
	request, body []byte
	known         int

	// order is a permutation of its connections: those at the first taking()
	// places have a seat, which is what a plan is made for.
	order []int32

	// Of this run, in batches.
	planned, sent, received uint64
	started, ended          time.Duration // first write, last read
	longest                 time.Duration

	latency, service, lag, slowLatency, connect, skew *hdrhistogram.Histogram
}

func newGroup(spec Group, first int) *group {
	g := &group{
		Group:   spec,
		first:   first,
		bytes:   spec.Size * spec.Depth,
		open:    spec.Rate > 0,
		accept:  acceptEcho,
		order:   make([]int32, spec.Conns),
		latency: newTimes(),
		connect: newTimes(),
	}
	for i := range g.order {
		g.order[i] = int32(first + i)
	}
	if g.open {
		g.service, g.lag = newTimes(), newTimes()
	}
	if g.SlowShare > 0 {
		g.slowLatency = newTimes()
	}
	switch g.Role {
	case Sender:
		g.accept, g.skew = acceptRoom, newTimes()
	case Listener:
		g.accept = acceptRoom
	case HTTP:
		g.accept = acceptHTTP
	}
	return g
}

// ringFirst is how many flights a connection has from the start; a power of two.
// A closed loop has one batch under way. Mute is not timed, and what a room has
// under way is in one place for all.
func ringFirst(r Role) int {
	switch r {
	case Mute, Listener, Sender:
		return 0
	case Paced:
		return 2
	}
	return 1
}

// reset forgets the last run.
func (g *group) reset() {
	g.planned, g.sent, g.received = 0, 0, 0
	g.started, g.ended, g.longest = 0, 0, 0
	for _, h := range []*hdrhistogram.Histogram{g.latency, g.service, g.lag, g.slowLatency, g.skew} {
		if h != nil {
			h.Reset()
		}
	}
	if g.Role == Churn {
		g.connect.Reset()
	}
}

// book records a batch that is back.
func (e *Engine) book(c *conn, f *flight) {
	g := c.group
	wait := e.now - f.planned
	switch {
	case g.SlowShare > 0 && g.slow(e.spec.Seed, c.number, c.head):
		record(g.slowLatency, wait)
	default:
		record(g.latency, wait)
	}
	if g.open {
		record(g.service, e.now-f.sent)
	}
	g.longest = max(g.longest, wait)
	g.ended = e.now
	g.received++
	c.messages += uint64(g.Depth)
}

// measured is what the group has measured in this run. The work that remains,
// encoding, is done after it.
func (e *Engine) measured(g *group) (Measured, error) {
	depth := uint64(g.Depth)
	m := Measured{
		Group:       g.Name,
		Planned:     g.planned * depth,
		Sent:        g.sent * depth,
		Received:    g.received * depth,
		Elapsed:     max(g.ended-g.started, 0),
		LongestWait: g.longest,
		PerConn:     make([]uint64, g.Conns),
	}
	if g.Role == Listener {
		s := e.room.sender.group
		m.Planned = s.planned * uint64(s.Depth*g.Conns)
		m.Sent = s.sent * uint64(s.Depth*g.Conns)
		m.Received = g.received * uint64(s.Depth)
	}
	for i := range m.PerConn {
		c := &e.conns[g.first+i]
		m.PerConn[i] = c.messages
		if c.state == ended {
			m.Dropped++
		}
	}
	for _, h := range []struct {
		to   *Histogram
		from *hdrhistogram.Histogram
	}{
		{&m.Latency, g.latency}, {&m.Service, g.service}, {&m.SendLag, g.lag},
		{&m.Slow, g.slowLatency}, {&m.Connect, g.connect}, {&m.Skew, g.skew},
	} {
		var err error
		if *h.to, err = encode(h.from); err != nil {
			return m, err
		}
	}
	var err error
	m.GeneratorLimited, err = generatorLimited(m.SendLag, m.Latency)
	return m, err
}
