package exercise

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/weft-go/weft/poller/sim"
)

// pipe is one direction of a conversation, as its two ends tell it. The bytes
// follow from their place, so that one that is lost, doubled or a stranger's is
// seen where it arrives.
//
//	writer's end                       reader's end
//	 begin(n)   offered += n
//	 Write      ------ bytes ------->   took(p)   got += len(p) <= offered
//	 wrote(m)   sent += m
//	 CloseWrite ------ FIN --------->   atEnd()   in the end: got == sent
type pipe struct {
	run     *run
	name    string
	key     uint64
	offered int // sent, and what a Write is under way with
	sent    int
	got     int

	ended bool // the reader has seen the end of the stream, as it should
}

// end is one end of a conversation, with the pipe it writes and the one it reads.
type end struct {
	run      *run
	name     string
	out, in  *pipe
	peer     *end
	opened   bool // there was such an end at all
	finished bool // its part is over

	// rude: it has closed before the peer's end of stream, or was cancelled, so
	// that the peer may see a reset.
	rude bool
	// closed: it has closed its own connection, so its own calls may fail.
	closed bool
	// broken: one of its calls has been told why the connection broke. What
	// others see after that is no end in order.
	broken bool
	deaf   bool // it has called CloseRead
	unix   bool // a Unix socket has no reset: one that is aborted ends as in order
}

// conversation is the pair of ends of the connection that a client has from its
// address. Whichever end begins makes it.
func (r *run) conversation(client string) (atClient, atServer *end) {
	if pair, ok := r.conversations[client]; ok {
		return pair[0], pair[1]
	}
	hash := fnv.New64a()
	hash.Write([]byte(client))
	key := hash.Sum64()
	there := &pipe{run: r, name: client + " to the server", key: key}
	back := &pipe{run: r, name: "the server to " + client, key: ^key}
	atClient = &end{run: r, name: "client " + client, out: there, in: back}
	atServer = &end{run: r, name: "server of " + client, out: back, in: there}
	atClient.peer, atServer.peer = atServer, atClient
	atClient.unix = strings.HasPrefix(client, "@")
	atServer.unix = atClient.unix
	r.conversations[client] = [2]*end{atClient, atServer}
	r.ends = append(r.ends, atClient, atServer)
	return atClient, atServer
}

func (e *end) open() *end {
	if e.opened {
		e.run.fail("%s: opened twice", e.name)
	}
	e.opened = true
	return e
}

// at is the byte at a place of the stream.
func (p *pipe) at(place int) byte { return byte((uint64(place)*0x9E3779B97F4A7C15 + p.key) >> 56) }

// begin fills b with what comes next, which a Write is about to be given.
func (p *pipe) begin(b []byte) []byte {
	for i := range b {
		b[i] = p.at(p.sent + i)
	}
	p.offered = p.sent + len(b)
	return b
}

func (p *pipe) wrote(n int) {
	if n < 0 || p.sent+n > p.offered {
		p.run.fail("%s: a Write of %d bytes says it wrote %d", p.name, p.offered-p.sent, n)
	}
	p.sent += n
	p.offered = p.sent
}

// check compares b with what comes next.
func (p *pipe) check(b []byte) {
	if p.ended {
		p.run.fail("%s: %d bytes behind the end of the stream", p.name, len(b))
	}
	if p.got+len(b) > p.offered {
		p.run.fail("%s: %d bytes have arrived, %d were sent", p.name, p.got+len(b), p.offered)
	}
	for i := range b {
		if b[i] != p.at(p.got+i) {
			p.run.fail("%s: byte %d is %#x, want %#x", p.name, p.got+i, b[i], p.at(p.got+i))
			return
		}
	}
}

func (p *pipe) took(b []byte) {
	p.check(b)
	p.got += len(b)
}

// atEnd is an end of stream seen by the end e. Whether it came in the right place
// is seen when the writer has told all: settle.
func (e *end) atEnd() {
	if !e.broken && !e.deaf && !e.closed {
		e.in.ended = true
	}
}

func (e *end) settle() {
	if p := e.out; p.ended && p.got != p.sent && !(e.unix && e.rude) {
		p.run.fail("%s: the end of the stream behind %d bytes of %d", p.name, p.got, p.sent)
	}
}

// failed is an error of a read or write of e's. In a world without faults it
// has a cause in what one of the two ends did, or a client that has given up
// before it had a connection.
func (e *end) failed(ctx context.Context, what string, err error) {
	if context.Cause(ctx) != nil || errors.Is(err, sim.ErrEnded) {
		e.rude = true
	}
	if !e.closed && !e.rude && !e.peer.rude && e.peer.opened && !e.run.hostile {
		e.run.fail("%s: %s: %v, and nobody has caused it", e.name, what, err)
	}
	e.broken = true
}

func (e *end) String() string {
	return fmt.Sprintf("%s: sent %d, got %d, rude %v, closed %v, broken %v, deaf %v, finished %v", e.name, e.out.sent, e.in.got, e.rude, e.closed, e.broken, e.deaf, e.finished)
}
