package load

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// room is one sender and everybody who hears it, the sender itself included. What
// is under way is kept once for all of them; each member's head is the next batch
// it is to hear.
//
// Invariant: done <= every member's head <= sender.out.
type room struct {
	sender  *conn
	bytes   int        // of a batch
	pending []delivery // of batches done to sender.tail, a ring
	done    uint64     // all batches before this one were heard by all
	members int        // connections that have heard something, and so hear what follows
}

// delivery is one batch on its way to all members.
type delivery struct {
	planned, sent, first time.Duration
	missing              int // members that have not heard it
}

// roomBatchLeast is the fewest bytes of a batch to a room.
//
// Bound: who comes in while batches are under way finds out by their bytes which
// one it hears; eight are enough to tell any two apart.
const roomBatchLeast = 8

// probeEvery is how long those who do not hear the sender yet are waited for
// before it says something again.
const probeEvery = 10 * time.Millisecond

func (r *room) delivery(k uint64) *delivery { return &r.pending[k&uint64(len(r.pending)-1)] }

// assembled reports that every connection has heard all there was.
func (r *room) assembled(e *Engine) bool {
	return r != nil && r.members == e.dialed && r.done == r.sender.tail
}

// assemble makes sure that the server counts every connection among the room's
// members. A connection is open for the kernel before the server has accepted it,
// and nobody tells: so the sender speaks until everybody has heard something.
func (e *Engine) assemble(ctx context.Context) error {
	r := e.room
	if r == nil || r.sender.state != open || r.members == e.dialed {
		return nil
	}
	limit := e.os.Now() + e.stallLimit
	for e.begin(probeEvery); !r.assembled(e); e.begin(probeEvery) {
		if e.now > limit {
			return fmt.Errorf("%w: after %v, %d of %d connections of the room have heard nothing", ErrStalled, e.stallLimit, e.dialed-r.members, e.dialed)
		}
		if err := e.say(e.now); err != nil {
			return err
		}
		if err := e.loop(ctx); err != nil {
			return err
		}
	}
	return nil
}

// say plans the sender's next batch, as plan does for others.
func (e *Engine) say(at time.Duration) error {
	r, c := e.room, e.room.sender
	if int(c.tail-r.done) == len(r.pending) && !e.growRoom() {
		return nil
	}
	g := c.group
	if g.planned == 0 {
		g.started = at
	}
	*r.delivery(c.tail) = delivery{planned: at, sent: at, missing: r.members}
	if r.members == 0 {
		// Nobody is known to be in the room: its first member will be the one that
		// completes this.
		r.delivery(c.tail).missing = 1
	}
	c.tail++
	g.planned++
	e.owe()
	if c.out == c.tail-1 {
		return e.push(c)
	}
	return nil
}

// growRoom is grow for the room's ring.
func (e *Engine) growRoom() bool {
	r := e.room
	more := max(len(r.pending), 1)
	if e.held+more > outstandingMost {
		e.giveUp("more than %d batches wait to be heard: the server cannot keep the planned rate", outstandingMost)
		return false
	}
	e.held += more
	grown := make([]delivery, 2*more)
	for k := r.done; k < r.sender.tail; k++ {
		grown[k&uint64(len(grown)-1)] = *r.delivery(k)
	}
	r.pending = grown
	return true
}

// acceptRoom checks that a member hears what the sender sends, all of it, in
// order.
func acceptRoom(e *Engine, c *conn, p []byte) error {
	r := e.room
	if !c.touched && c.got == 0 && !e.recognise(c, p) {
		return fmt.Errorf("%w: %v hears first what the sender did not say", ErrWrongByte, c)
	}
	for len(p) > 0 {
		due := r.bytes - c.got
		if c.head == r.sender.out {
			due = r.sender.wrote - c.got
		}
		n := min(len(p), due, r.bytes-c.got)
		if n <= 0 {
			return fmt.Errorf("%w: %d bytes on %v, which has heard all there was", ErrSurplus, len(p), c)
		}
		batch := e.payload.batch(r.sender.number, c.head, r.bytes)
		if want := batch[c.got : c.got+n]; !bytes.Equal(p[:n], want) {
			return wrongByte(c, c.got, p[:n], want)
		}
		c.got += n
		p = p[n:]
		if c.got == r.bytes {
			c.got = 0
			if err := e.heard(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// recognise finds out which batch a new member hears first. Batches from before it
// was open cannot be.
func (e *Engine) recognise(c *conn, p []byte) bool {
	r := e.room
	for k := r.sender.tail; k > c.head; k-- {
		batch := e.payload.batch(r.sender.number, k-1, r.bytes)
		n := min(len(p), r.bytes)
		if bytes.Equal(p[:n], batch[:n]) {
			c.head = k - 1
			return true
		}
	}
	return false
}

// heard books one delivery.
func (e *Engine) heard(c *conn) error {
	r, g := e.room, c.group
	e.now = e.os.Now()
	k := c.head
	c.head++
	c.messages += uint64(r.sender.group.Depth)
	if !c.touched {
		c.touched = true
		e.join(k)
	}
	if k < r.done { // by a new member, of what the others have heard
		return nil
	}
	d := r.delivery(k)
	if g.Role == Listener {
		wait := e.now - d.planned
		record(g.latency, wait)
		g.longest = max(g.longest, wait)
		if g.received == 0 {
			g.started = d.planned
		}
		g.ended = e.now
		g.received++
	}
	if d.first == 0 {
		d.first = e.now
	}
	if d.missing--; d.missing == 0 {
		return e.heardByAll(d)
	}
	return nil
}

// join makes somebody who hears batch k a member. It counts for what was said
// since, and for k itself, of which it was not known that it would hear it.
func (e *Engine) join(k uint64) {
	r := e.room
	if r.members++; r.members == 1 {
		return // say has counted on it
	}
	for k = max(k, r.done); k < r.sender.tail; k++ {
		r.delivery(k).missing++
	}
}

// heardByAll books a batch that everybody has heard. They are heard by all in the
// order in which they were said, since each member hears them in that order.
func (e *Engine) heardByAll(d *delivery) error {
	r, g := e.room, e.room.sender.group
	r.done++
	e.owed--
	wait := e.now - d.planned
	record(g.latency, wait)
	record(g.skew, e.now-d.first)
	if g.open {
		record(g.service, e.now-d.sent)
	}
	g.longest = max(g.longest, wait)
	g.ended = e.now
	g.received++
	if e.phase == running && !g.open && e.now < e.deadline {
		return e.say(e.now)
	}
	return nil
}
