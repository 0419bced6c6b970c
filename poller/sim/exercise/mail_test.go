package exercise

import (
	"encoding/binary"
	"strings"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// mail is every datagram of a run. Each has a number in it, and its bytes follow
// from the number, so that one that was invented, changed, doubled or meant for
// somebody else is seen where it arrives.
//
//	sender                                receiver
//	 write       offered
//	 WriteBatch  ---- datagrams ------->  read    once, or twice by the dial
//	             n are sent, or the rest  settle  and none that was not sent
//	             is told not to be
type mail struct {
	run     *run
	doubles bool // the dial DatagramDuplicates is turned
	parcels []*parcel
	empty   struct{ sent, got int } // datagrams without a byte have no number
}

// parcel is one datagram.
type parcel struct {
	from     string // the sender's port, or path
	number   int
	question int // it asks, or answers
	size     int
	state    parcelState
	got      int
}

// parcelState is what the sender knows of it.
//
//	offered ---> sent
//	   '-------> unsent    the call says that it did not go
type parcelState uint8

const (
	parcelOffered parcelState = iota
	parcelSent
	parcelUnsent
)

func (s parcelState) String() string { return [...]string{"offered", "sent", "not sent"}[s] }

// headerBytes is a parcel's number and its question.
const headerBytes = 8

// place is what two ends know each other by: the port, which hosts do not share
// here by accident, or the path.
func place(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		return address[i+1:]
	}
	return address
}

// write is a datagram that is about to be sent.
func (m *mail) write(from string, question, size int) (*parcel, []byte) {
	p := &parcel{from: place(from), number: len(m.parcels), question: question, size: max(size, headerBytes)}
	m.parcels = append(m.parcels, p)
	payload := make([]byte, p.size)
	p.fill(payload)
	return p, payload
}

func (p *parcel) fill(b []byte) {
	for i := range b {
		b[i] = byte(uint64(i+p.number) * 0x9E3779B97F4A7C15 >> 56)
	}
	header := binary.BigEndian.AppendUint32(nil, uint32(p.number))
	copy(b, binary.BigEndian.AppendUint32(header, uint32(p.question)))
}

// read checks a datagram, and says which question it is about: 0 for none.
func (m *mail) read(d coro.Message, connectedTo string) (question int) {
	r, payload := m.run, d.Payload[:d.N]
	if d.N == 0 && !d.Truncated {
		if m.empty.got++; m.empty.got > m.copies()*m.empty.sent {
			r.fail("an empty datagram arrived that nobody has sent, or too often")
		}
		return 0
	}
	if d.N < headerBytes {
		if !d.Truncated || d.N != len(d.Payload) {
			r.fail("a datagram of %d bytes, truncated %v, in room for %d: nobody sends so few", d.N, d.Truncated, len(d.Payload))
		}
		return 0
	}
	number := int(binary.BigEndian.Uint32(payload))
	if number >= len(m.parcels) {
		r.fail("a datagram has the number %d, of %d", number, len(m.parcels))
		return 0
	}
	p := m.parcels[number]
	m.compare(p, d)
	if from := place(d.Peer.String()); from != p.from && d.Peer != (poller.Addr{}) {
		r.fail("datagram %d was sent from %s and comes from %s", number, p.from, from)
	}
	if connectedTo != "" && place(connectedTo) != p.from {
		r.fail("datagram %d from %s arrives at a socket that is connected to %s", number, p.from, connectedTo)
	}
	if p.got++; p.got > m.copies() {
		r.fail("datagram %d arrives for the time number %d", number, p.got)
	}
	return p.question
}

// compare checks the bytes, and that what is missing was reported.
func (m *mail) compare(p *parcel, d coro.Message) {
	want := make([]byte, p.size)
	p.fill(want)
	switch {
	case d.Truncated != (d.N < p.size), d.N > p.size:
		m.run.fail("datagram %d has %d bytes, %d were sent, truncated %v", p.number, d.N, p.size, d.Truncated)
	case string(want[:d.N]) != string(d.Payload[:d.N]):
		m.run.fail("datagram %d has other bytes than those that were sent", p.number)
	}
}

func (m *mail) copies() int {
	if m.doubles {
		return 2
	}
	return 1
}

// settle looks for what arrived although it was not sent.
func (m *mail) settle() {
	for _, p := range m.parcels {
		if p.got > 0 && p.state == parcelUnsent {
			m.run.fail("datagram %d has arrived %d times, and its sender was told that it did not go", p.number, p.got)
		}
	}
}
