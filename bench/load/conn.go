package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weft-go/weft/poller"
)

// conn is one connection, or with the role Churn one after the other.
//
// What it sends is a row of batches, numbered from 0. Some are back, some under
// way, some planned and not yet taken by the kernel:
//
//	0 .. head      head .. out     out .. tail
//	are back       under way       planned, not yet sent
//	        |got                |wrote
//	        of batch head       of batch out, bytes
//
// Invariant: head <= out <= tail; what came back is never more than what was
// written.
type conn struct {
	fd         poller.FD
	group      *group
	state      connState
	seated     bool   // it takes part: see Group.Active; of Mute: it is on the agenda
	touched    bool   // it has been used
	generation uint32 // of its token: Churn uses the slot again
	number     int    // among all connections of the load, of all processes

	head, out, tail uint64
	last            uint64 // of a closed loop: no batch from here on in this run
	got, wrote      int
	flights         []flight // of batches head to tail, a ring

	begun    time.Duration // when its connect was
	messages uint64        // that came back in this run
	http     httpAnswer
}

// flight is one batch between its planned time and its last byte's read.
type flight struct {
	planned, sent time.Duration
}

// connState is where a connection stands.
//
//	unborn ---> dialing ---> open ---> ended
//	   ^           |           |         (Mute, Trickle: by the server)
//	   |           v           |
//	   |         failed        |
//	   +-----------------------+  Churn
type connState uint8

const (
	unborn  connState = iota // not dialed yet, or between two lives
	dialing                  // its connect is under way
	failed                   // its connect has failed
	open                     // it can be used
	ended                    // the server ended it, which is a result
)

func (s connState) String() string {
	return [...]string{"unborn", "dialing", "failed", "open", "ended"}[s]
}

// flight is the record of batch k.
func (c *conn) flight(k uint64) *flight { return &c.flights[k&uint64(len(c.flights)-1)] }

// due is how many bytes are under way.
func (c *conn) due() int { return int(c.out-c.head)*c.group.bytes + c.wrote - c.got }

// sentAt is where it is noted when the kernel took the first byte of the batch
// that is being written.
func (e *Engine) sentAt(c *conn) *time.Duration {
	if c.group.Role == Sender {
		return &e.room.delivery(c.out).sent
	}
	return &c.flight(c.out).sent
}

// plan adds a batch that was to be sent at that time, and writes what the kernel
// takes.
func (e *Engine) plan(c *conn, at time.Duration) error {
	if int(c.tail-c.head) == len(c.flights) {
		if !e.grow(c) {
			return nil
		}
	}
	g := c.group
	if g.planned == 0 {
		g.started = at
	}
	*c.flight(c.tail) = flight{planned: at}
	c.tail++
	g.planned++
	e.owe()
	if c.out == c.tail-1 {
		return e.push(c)
	}
	return nil // the socket is full of what was planned before
}

// push writes what is planned, as far as the kernel takes it. The rest follows
// when an event says that there is room.
func (e *Engine) push(c *conn) error {
	g := c.group
	for c.out < c.tail {
		batch := g.request
		if batch == nil {
			batch = e.content(c, c.out)
		}
		if c.wrote == 0 && g.open {
			// Read anew: the room may have come much later than the planned time.
			*e.sentAt(c) = e.os.Now()
		}
		n, err := e.os.Write(c.fd, batch[c.wrote:])
		c.wrote += n
		if err == poller.ErrWouldBlock {
			return nil
		}
		if err != nil {
			return e.broken(c, err)
		}
		if c.wrote == g.bytes {
			c.wrote = 0
			c.out++
			g.sent++
		}
	}
	return nil
}

// receive reads and checks what has arrived. It is called for connections with
// nothing under way too, where every byte is one too many.
func (e *Engine) receive(c *conn, ready poller.Readiness) error {
	life := c.generation
	for {
		n, err := e.os.Read(c.fd, e.in[:])
		if err == poller.ErrWouldBlock {
			return nil
		}
		if err != nil {
			return e.broken(c, err)
		}
		e.moved = true
		if err := c.group.accept(e, c, e.in[:n]); err != nil {
			return err
		}
		if c.generation != life { // a Churn connection's end, and perhaps next life
			return nil
		}
		// A short read has drained the socket, see package poller.
		if n < len(e.in) && ready&(poller.HangUp|poller.Urgent) == 0 {
			return nil
		}
	}
}

// acceptEcho checks bytes that must be those that were sent.
func acceptEcho(e *Engine, c *conn, p []byte) error {
	g := c.group
	if due := c.due(); len(p) > due {
		return fmt.Errorf("%w: %d bytes on %v, which waits for %d", ErrSurplus, len(p), c, due)
	}
	for len(p) > 0 {
		batch := e.content(c, c.head)
		n := min(len(p), g.bytes-c.got)
		if want := batch[c.got : c.got+n]; !bytes.Equal(p[:n], want) {
			return wrongByte(c, c.got, p[:n], want)
		}
		c.got += n
		p = p[n:]
		if c.got == g.bytes {
			c.got = 0
			if err := e.finish(c); err != nil {
				return err
			}
		}
	}
	return nil
}

// broken names a connection's end. Of those that a server may well end, it is no
// error.
func (e *Engine) broken(c *conn, err error) error {
	if c.group.Role == Mute || c.group.Role == Trickle {
		c.state = ended
		if e.phase == touching {
			e.owed -= int(c.tail - c.head)
		}
		return e.os.Abort(c.fd)
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %v, with %d bytes of an answer still to come", ErrClosed, c, c.due())
	}
	return fmt.Errorf("%w: %v, with %d bytes of an answer still to come: %w", ErrClosed, c, c.due(), err)
}

// wrongByte finds the first difference, which is known to be there.
func wrongByte(c *conn, offset int, got, want []byte) error {
	k := 0
	for got[k] == want[k] {
		k++
	}
	return fmt.Errorf("%w: %v, byte %d of the batch: got %#02x, want %#02x", ErrWrongByte, c, offset+k, got[k], want[k])
}

func (c *conn) String() string { return fmt.Sprintf("connection %d of %s", c.number, c.group.Name) }
