package sim

import (
	"syscall"
	"time"

	"github.com/weft-go/weft/poller"
)

// flight is a UDP datagram between two hosts, from Send to the socket that hears
// it.
//
//	unsent --the link is free--> flying --arrives--> in a queue, refused or lost
//
// Order: those of one direction of a link arrive in the order in which they were
// sent, whatever the jitter, so that the dial DatagramReorder alone says how
// many do not.
type flight struct {
	appointment
	datagram
	sender *packetSocket
	to     poller.Addr
	target *Host
	path   *path         // nil inside a host
	lasts  time.Duration // on the wire
	row    bool          // it keeps its place
	group  membership    // it is sent to, and nobody refuses it; the zero one is none
}

// launch sends a datagram to a host: once, or, by the dials, twice.
func (s *packetSocket) launch(d datagram, to poller.Addr, target *Host, group membership) {
	h, w := s.process.host, s.world()
	k, path := h.knobs(), w.way(h, target)
	copies := 1
	if w.chance(k.DatagramDuplicates) || path != nil && w.chance(path.DatagramDuplicates) {
		h.datagrams.Duplicated++
		w.note(h, actDuplicate, s.fd(), len(d.payload), nil)
		copies = 2
	}
	for range copies {
		f := &flight{datagram: d, sender: s, to: to, target: target, path: path, row: true, group: group}
		if w.chance(k.DatagramReorder) || path != nil && w.chance(path.DatagramReorder) {
			h.datagrams.Reordered++
			w.note(h, actReorder, s.fd(), len(d.payload), nil)
			f.row = false
		}
		f.leave()
	}
}

// size is what the datagram takes of buffers.
func (f *flight) size() int { return len(f.payload) + bookkeeping }

// leave waits for the link.
func (f *flight) leave() {
	s, w := f.sender, f.sender.world()
	if s.onTheWay > mostOnTheWay {
		s.process.host.lose(len(f.payload), lostOnTheWay)
		return
	}
	s.onTheWay += f.size()
	f.lasts = f.path.travels()
	wait := f.path.leaves(len(f.payload))
	if wait == 0 {
		f.fly()
		return
	}
	s.unsent += f.size()
	f.do = func() {
		s.unsent -= f.size()
		if s.file != nil && s.file.armed&poller.Writable != 0 && s.writable() {
			s.notify(poller.Writable)
		}
		f.fly()
	}
	w.agenda.set(&f.appointment, w.now+wait)
}

// fly begins the way on the wire. Inside a host there is none.
func (f *flight) fly() {
	w := f.sender.world()
	at := w.now + f.lasts
	switch {
	case !f.row:
		at += 1 + w.upTo(f.sender.process.host.knobs().mostReorder())
	case f.path != nil:
		at = max(at, f.path.lastInRow)
		f.path.lastInRow = at
	}
	f.do = f.arrive
	if at == w.now {
		f.arrive()
		return
	}
	w.agenda.set(&f.appointment, at)
}

// arrive is the end of the way.
func (f *flight) arrive() {
	s, w := f.sender, f.sender.world()
	s.onTheWay -= f.size()
	h := s.process.host
	switch {
	case f.path.loses():
		h.lose(len(f.payload), lostOnLink)
		return
	case w.chance(h.knobs().DatagramLoss), f.path != nil && w.chance(f.path.DatagramLoss):
		h.lose(len(f.payload), lostByDial)
		return
	}
	if f.group != (membership{}) {
		f.target.process.hearGroup(f.group, f.datagram, f.to)
		return
	}
	if to := f.target.process.receiverOf(f.from, f.to); to != nil {
		to.push(f.datagram)
		return
	}
	f.target.lose(len(f.payload), lostNobody)
	f.refuse()
}

// refuse is the answer of a host where nobody listens (ICMP port unreachable).
// It can be lost itself.
func (f *flight) refuse() {
	if f.path == nil {
		f.sender.report(syscall.ECONNREFUSED)
		return
	}
	back, w := f.path.back, f.sender.world()
	w.after(back.travels(), func() {
		if !back.loses() {
			f.sender.report(syscall.ECONNREFUSED)
		}
	})
}
