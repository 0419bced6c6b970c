package load

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/weft-go/weft/poller"
)

// conn is one connection and its batch.
//
// Invariant: got <= sent <= the batch's bytes, and got == sent unless busy.
type conn struct {
	fd     poller.FD
	state  connState
	at     uint32        // where in the payload the batch begins
	sent   int           // bytes of the batch that the kernel has taken
	got    int           // bytes of it that came back
	left   int           // batches to go in this run, this one included
	sentAt time.Duration // when the batch was begun
}

// connState is where a connection stands.
//
//	dialing ---> idle <---> busy
//	   |
//	   +-------> dead
type connState uint8

const (
	dialing connState = iota // its connect is under way
	dead                     // its connect has failed
	idle                     // nothing is under way
	busy                     // a batch is under way
)

func (s connState) String() string {
	return [...]string{"dialing", "dead", "idle", "busy"}[s]
}

// send begins a batch.
func (g *Generator) send(i int, now time.Duration) error {
	c := &g.conns[i]
	c.at = g.payload.next(c.at)
	c.state, c.sent, c.got, c.sentAt = busy, 0, 0, now
	g.busy++
	return g.push(i)
}

// push writes what is left of a batch, as far as the kernel takes it. The rest
// follows when an event says that there is room.
func (g *Generator) push(i int) error {
	c := &g.conns[i]
	batch := g.payload.batch(c.at)
	for c.sent < len(batch) {
		n, err := g.os.Write(c.fd, batch[c.sent:])
		c.sent += n
		if errors.Is(err, poller.ErrWouldBlock) {
			return nil
		}
		if err != nil {
			return g.failed(i, err)
		}
	}
	return nil
}

// receive reads and checks what has arrived. It is called for idle connections
// too, where every byte is one too many.
func (g *Generator) receive(i int, ready poller.Readiness) error {
	c := &g.conns[i]
	for {
		n, err := g.os.Read(c.fd, g.in[:])
		if errors.Is(err, poller.ErrWouldBlock) {
			return nil
		}
		if err != nil {
			return g.failed(i, err)
		}
		if n > c.sent-c.got {
			return fmt.Errorf("%w: %d bytes on connection %d, which waits for %d", ErrSurplus, n, i, c.sent-c.got)
		}
		batch := g.payload.batch(c.at)
		if want := batch[c.got : c.got+n]; !bytes.Equal(g.in[:n], want) {
			return wrongByte(i, c.got, g.in[:n], want)
		}
		c.got += n
		if c.got == len(batch) {
			if err := g.finish(i); err != nil {
				return err
			}
		}
		// A short read has drained the socket, see package poller.
		if n < len(g.in) && ready&(poller.HangUp|poller.Urgent) == 0 {
			return nil
		}
	}
}

// failed names a connection's end.
func (g *Generator) failed(i int, err error) error {
	c := &g.conns[i]
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: connection %d, after %d of %d bytes", ErrClosed, i, c.got, c.sent)
	}
	return fmt.Errorf("%w: connection %d, after %d of %d bytes: %w", ErrClosed, i, c.got, c.sent, err)
}

// wrongByte finds the first difference, which is known to be there.
func wrongByte(conn, offset int, got, want []byte) error {
	k := 0
	for got[k] == want[k] {
		k++
	}
	return fmt.Errorf("%w: connection %d, byte %d of the batch: got %#02x, want %#02x", ErrWrongByte, conn, offset+k, got[k], want[k])
}
