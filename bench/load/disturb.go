package load

import (
	"time"

	"github.com/weft-go/weft/poller"
)

const (
	// trickleEvery is the distance between two bytes of a Trickle connection.
	trickleEvery = time.Second
	// floodPiece is how much a Mute connection sends at a time, every floodEvery,
	// while the kernel takes it.
	//
	// Bound: little enough not to hold up the others' sends, and enough to fill
	// all buffers on the way in a second.
	floodPiece = 64 << 10
	floodEvery = 10 * time.Millisecond
	// muteMost is how much a Mute connection sends in all.
	//
	// Bound: more than the socket buffers of both sides hold, in both directions
	// (Linux: 4 to 6 MiB each at most); a server that takes more than that from a
	// peer that does not read keeps it in its own memory, and has shown it.
	muteMost = 24 << 20
)

// disturb starts the connections of a Mute or a Trickle group.
func (e *Engine) disturb(g *group) {
	for k := range g.Conns {
		i := int32(g.first + k)
		if e.conns[i].state != open {
			continue // the server has ended it
		}
		if g.Role == Mute {
			e.conns[i].seated = true
			e.agenda.add(entry{e.now, sendFlood, i})
			continue
		}
		phase := time.Duration(e.chance.Float64() * float64(trickleEvery))
		e.agenda.add(entry{e.now + phase, sendByte, i})
	}
}

// sendByte sends one byte of a Trickle connection's batch, unless the last one was
// not taken.
func (e *Engine) sendByte(c *conn) (time.Duration, error) {
	if c.state != open {
		return 0, nil
	}
	e.now = e.os.Now()
	n, err := e.os.Write(c.fd, e.content(c, c.out)[c.wrote:c.wrote+1])
	if err != nil && err != poller.ErrWouldBlock {
		return 0, e.broken(c, err)
	}
	e.wroteSome(c, n)
	return e.now + trickleEvery, nil
}

// sendFlood sends a piece of what a Mute connection has to say. When the kernel
// takes no more, the next piece follows the event that says there is room. While
// one is on the agenda, the connection is seated.
func (e *Engine) sendFlood(c *conn) (time.Duration, error) {
	c.seated = false
	if c.state != open {
		return 0, nil
	}
	e.now = e.os.Now()
	g := c.group
	for sent := 0; sent < floodPiece; {
		if c.out*uint64(g.bytes)+uint64(c.wrote) >= muteMost {
			return 0, nil
		}
		n, err := e.os.Write(c.fd, e.content(c, c.out)[c.wrote:])
		if err == poller.ErrWouldBlock {
			return 0, nil
		}
		if err != nil {
			return 0, e.broken(c, err)
		}
		e.wroteSome(c, n)
		sent += n
	}
	c.seated = true
	return e.now + floodEvery, nil
}

// wroteSome counts for those whose batches are not planned.
func (e *Engine) wroteSome(c *conn, n int) {
	g := c.group
	if g.planned == 0 {
		g.started = e.now
	}
	if n > 0 && c.wrote == 0 {
		g.planned++
	}
	if c.wrote += n; c.wrote < g.bytes {
		return
	}
	c.wrote = 0
	c.out++
	c.tail = c.out
	g.sent++
	g.ended = e.now
}

// blocked serves an event of a Mute connection, which never reads. That its server
// is gone it learns from the hint.
func (e *Engine) blocked(c *conn, ready poller.Readiness) error {
	switch {
	case ready&poller.HangUp != 0:
		return e.broken(c, nil)
	case ready&poller.Writable != 0 && e.phase == running && !c.seated:
		c.seated = true
		e.agenda.add(entry{e.os.Now(), sendFlood, int32(c.number - e.spec.First)})
	}
	return nil
}
