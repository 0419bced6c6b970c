package exercise

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// postbox is a datagram socket of a program's, used in every way there is.
type postbox struct {
	run  *run
	sys  *system
	conn *coro.PacketConn
	from string // its own address
	peer string // it is connected to; "" for none
}

func (r *run) postbox(s *system, c *coro.PacketConn) *postbox {
	b := &postbox{run: r, sys: s, conn: c, from: c.LocalAddr().String()}
	if peer := c.RemoteAddr(); peer != nil {
		b.peer = peer.String()
	}
	return b
}

// addrOf is an address for a Message.
func addrOf(a net.Addr) poller.Addr {
	if u, ok := a.(*net.UDPAddr); ok {
		at := u.AddrPort()
		return poller.Addr{AddrPort: netip.AddrPortFrom(at.Addr().Unmap(), at.Port())}
	}
	return poller.Addr{Path: a.String()}
}

// send sends some datagrams about a question, to the peer where to is nil: in
// batches, or one by one.
func (b *postbox) send(question, n int, to net.Addr) error {
	r := b.run
	if r.chance(5) {
		if err := b.sendOdd(to); err != nil {
			return err
		}
	}
	var parcels []*parcel
	var batch []coro.Message
	for range n {
		p, payload := r.mail.write(b.from, question, r.mailSize())
		d := coro.Message{Payload: payload}
		if b.peer == "" {
			d.Peer = addrOf(to)
		}
		parcels, batch = append(parcels, p), append(batch, d)
	}
	for len(batch) > 0 {
		sent, err := b.sendSome(batch, to)
		for i, p := range parcels {
			switch {
			case i < sent:
				p.state = parcelSent
			case err != nil:
				p.state = parcelUnsent
			}
		}
		if err != nil {
			return err
		}
		batch, parcels = batch[sent:], parcels[sent:]
	}
	return nil
}

func (b *postbox) sendSome(batch []coro.Message, to net.Addr) (n int, err error) {
	switch {
	case b.run.chance(60):
		n, err := b.conn.WriteBatch(batch)
		if n == 0 && err == nil {
			b.run.fail("%s: a WriteBatch of %d wrote none and has no error", b.from, len(batch))
			n = len(batch)
		}
		return n, err
	case b.peer != "":
		_, err = b.conn.Write(batch[0].Payload)
	default:
		_, err = b.conn.WriteTo(batch[0].Payload, to)
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// sendOdd sends one without a byte, or one that is too large.
func (b *postbox) sendOdd(to net.Addr) error {
	r := b.run
	write := b.conn.Write
	if b.peer == "" {
		write = func(p []byte) (int, error) { return b.conn.WriteTo(p, to) }
	}
	if r.chance(50) {
		r.mail.empty.sent++
		_, err := write(nil)
		return err
	}
	_, err := write(tooLarge[:])
	if err == nil {
		r.fail("%s: a datagram of %d bytes goes", b.from, len(tooLarge))
	}
	if errors.Is(err, syscall.EMSGSIZE) {
		return nil
	}
	return err
}

// receive waits for datagrams, checks them, and hands them to do with their
// question.
func (b *postbox) receive(do func(question int, from poller.Addr)) error {
	r := b.run
	into := make([]coro.Message, 1+r.rng.IntN(4))
	room := mostMail
	if r.chance(20) {
		room = headerBytes + r.rng.IntN(300)
	}
	for i := range into {
		into[i].Payload = make([]byte, room)
	}
	n, err := b.receiveSome(into)
	for _, d := range into[:n] {
		do(r.mail.read(d, b.peer), d.Peer)
	}
	return err
}

// receiveSome is ReadBatch, or a call for one datagram, which does not tell what
// it has truncated, and so has room.
func (b *postbox) receiveSome(into []coro.Message) (int, error) {
	if b.run.chance(60) {
		return b.conn.ReadBatch(into)
	}
	d := &into[0]
	d.Payload = make([]byte, mostMail)
	var err error
	if b.peer != "" && b.run.chance(50) {
		d.N, err = b.conn.Read(d.Payload)
		d.Peer = addrOf(b.conn.RemoteAddr())
	} else {
		var from net.Addr
		if d.N, from, err = b.conn.ReadFrom(d.Payload); from != nil {
			d.Peer = addrOf(from)
		}
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// mostMail is how large a datagram is at most; tooLarge is one that no system
// takes.
const mostMail = 5000

var tooLarge [300_000]byte

// mailSize is how large a datagram is: often small, rarely more than one packet.
func (r *run) mailSize() int {
	return r.rng.IntN([]int{20, 200, 1500, mostMail}[min(r.rng.IntN(6), 3)] + 1)
}

// postboxFaults are errors of a datagram socket in a world with faults.
func (r *run) postboxFaults(ctx context.Context, err error) bool {
	return err == nil || context.Cause(ctx) == nil && (impatient(ctx, err) || r.hostile)
}

// gone reports whether a Unix socket is not there any more.
func gone(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// packetConfig has a buffer that holds everything, where nothing is to be lost.
func (r *run) packetConfig() (c coro.PacketConfig) {
	c.Options.ReceiveBuffer = 64 << 20
	if r.lossy {
		c.Options.ReceiveBuffer = 2000 << r.rng.IntN(10)
	}
	return c
}

// patience is how long somebody waits for an answer.
func (r *run) patience() time.Duration { return time.Millisecond + r.upTo(300*time.Millisecond) }
