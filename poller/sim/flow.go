package sim

import (
	"syscall"
	"time"
)

// flow is one direction of a connection. All its bytes are in one queue, in
// which marks move on; a segment is only a number of bytes with a time of
// arrival:
//
//	oldest                                               newest
//	+----------------+------------------------+----------------+
//	|     unread     |         flying         |     unsent     |
//	+----------------+------------------------+----------------+
//	 <-- receiver's buffer: the window -----> |
//	                  <-------- sender's buffer -------------->
//
// Then comes the FIN, if there is one. An acknowledgement takes no time: the
// sender's buffer is free, and the window known, as soon as bytes arrive and
// are read. But it needs a way back: see silence.go.
type flow struct {
	world    *World
	from, to *stream
	// path is the way there; nil inside a host, where everything arrives at
	// once.
	path *path

	queue                  fifo
	unread, flying, unsent int
	fin                    finState
	resetting              bool // a RST is the last thing on its way
	provoked               bool // by bytes, whose sender repeats them until he hears it
	deaf                   bool // the receiver called CloseRead
	broken                 bool // nothing will move any more

	segments []segment // on their way, in order
	first    int
	arrival  appointment // of the first one
	latest   time.Duration
	tries    int // retransmissions of the first one

	silence
}

// finState is where the end of a flow has got to.
//
//	none --CloseWrite, CloseFD--> queued --all sent--> flying --> arrived
type finState uint8

const (
	finNone finState = iota
	finQueued
	finFlying
	finArrived
)

func (s finState) String() string { return [...]string{"none", "queued", "flying", "arrived"}[s] }

// segment is what travels. Its bytes are in the flow's queue.
type segment struct {
	kind  segmentKind
	bytes int
	at    time.Duration
}

type segmentKind uint8

const (
	segmentData segmentKind = iota
	segmentFin
	segmentReset
	// segmentAck ends the handshake: the connection enters the listener's queue.
	segmentAck
)

func (k segmentKind) String() string { return [...]string{"data", "FIN", "RST", "ACK"}[k] }

// mostSegment is the most bytes that travel as one.
//
// Bound: real segments are smaller, but offload makes the kernel's bursts of
// about this size; and each is an appointment.
const mostSegment = 16 << 10

func newFlow(w *World, from, to *stream, p *path) *flow {
	f := &flow{world: w, from: from, to: to, path: p}
	f.arrival.do = f.arrive
	f.silence.do = f.askAgain
	return f
}

// room is how much the sender may write.
func (f *flow) room() int { return f.from.sendBuffer - f.unacked - f.flying - f.unsent }

// push takes bytes from the sender.
func (f *flow) push(p []byte) {
	f.queue.push(p)
	f.unsent += len(p)
	f.transmit()
}

// finish puts the FIN behind what was written.
func (f *flow) finish() {
	if f.fin == finNone {
		f.fin = finQueued
		f.transmit()
	}
}

// transmit sends what the window allows.
func (f *flow) transmit() {
	for !f.stopped() {
		n := min(f.unsent, f.window(), mostSegment)
		if n <= 0 {
			break
		}
		f.unsent -= n
		f.flying += n
		f.send(segment{kind: segmentData, bytes: n})
	}
	if f.unsent == 0 && f.fin == finQueued && !f.stopped() {
		f.fin = finFlying
		f.send(segment{kind: segmentFin})
	}
}

// window is the room that the receiver has. What he drops needs none.
func (f *flow) window() int {
	if f.deaf {
		return mostSegment
	}
	return f.to.receiveBuffer - f.unread - f.flying
}

func (f *flow) send(s segment) {
	if f.path == nil {
		f.deliver(s)
		return
	}
	f.latest = max(f.latest, f.world.now+f.path.delay(s.bytes))
	s.at = f.latest
	f.segments = append(f.segments, s)
	if f.arrival.place == 0 {
		f.world.agenda.set(&f.arrival, s.at)
	}
}

// arrive is the moment of the first segment: it arrives, or is lost and sent
// again later, with everything behind it.
func (f *flow) arrive() {
	for f.first < len(f.segments) && !f.broken {
		s := f.segments[f.first]
		if s.at > f.world.now {
			f.world.agenda.set(&f.arrival, s.at)
			return
		}
		if f.path.loses() {
			if s.kind != segmentReset || f.provoked {
				f.retransmit()
				return
			}
			f.resetting = false // nobody repeats it; who sends on will be told again
		} else {
			f.deliver(s)
			if f.path.back.mute() && s.kind != segmentReset {
				f.unanswered(s.bytes)
			}
		}
		f.tries = 0
		f.first++
	}
	if f.first >= len(f.segments) {
		f.segments, f.first = f.segments[:0], 0
	}
}

// Retransmission begins after a fifth of a second, doubles, and ends when the
// 15th try was not answered, as Linux has it (tcp_retries2): a connection whose
// peer is out of reach lives for about a quarter of an hour.
const (
	firstRetry = 200 * time.Millisecond
	mostRetry  = 120 * time.Second
	mostTries  = 15
)

func (f *flow) retransmit() { f.retry(&f.arrival, &f.tries) }

// retry makes the appointment for the next try, or gives the connection up.
func (f *flow) retry(next *appointment, tries *int) {
	if *tries++; *tries > mostTries+1 {
		f.broken = true
		f.from.fail(syscall.ETIMEDOUT)
		if f.provoked {
			f.to.fail(syscall.ETIMEDOUT)
		}
		return
	}
	f.world.agenda.set(next, f.world.now+min(firstRetry<<(*tries-1), mostRetry))
}

// deliver hands a segment to the receiver.
func (f *flow) deliver(s segment) {
	to := f.to
	to.pulse.heard = f.world.now
	f.world.note(to.host, actArrive, to.fd(), s.bytes<<2|int(s.kind), nil)
	switch s.kind {
	case segmentReset:
		f.broken = true
		to.fail(syscall.ECONNRESET)
		return
	case segmentAck:
		to.established()
		return
	}
	f.flying -= s.bytes
	if to.state == streamBroken { // what came before it broke can still be read
		f.queue.cut(f.unread, s.bytes)
		f.lost()
		return
	}
	if f.deaf && s.bytes > 0 {
		f.drop(s.bytes)
		f.from.hasRoom()
		return
	}
	if to.gone() {
		if s.bytes > 0 || to.process.dead {
			f.lost() // a RST comes back
		}
		f.unread += s.bytes
		f.discard()
	} else {
		f.unread += s.bytes
	}
	if s.kind == segmentFin {
		f.fin = finArrived
	}
	to.readable()
	f.from.hasRoom()
}

// lost answers bytes for somebody who is gone with a reset. After a crash it is
// the host's next life that does.
func (f *flow) lost() {
	f.broken = true
	back := f.to.out
	if !back.resetting || f.to.process.dead {
		back.broken, back.resetting = false, false
	}
	back.provoked = true
	back.reset()
}

// stopped reports whether nothing more is to be sent.
func (f *flow) stopped() bool { return f.broken || f.resetting }

// stop ends the flow, but for a reset that is on its way.
func (f *flow) stop() { f.broken = !f.resetting }

// drop loses n bytes that have just arrived, behind those that are unread.
func (f *flow) drop(n int) {
	f.queue.cut(f.unread, n)
	f.transmit()
}

// ended reports whether nothing comes behind what is unread.
func (f *flow) ended() bool { return f.fin == finArrived || f.deaf }

// discard drops what nobody will read.
func (f *flow) discard() {
	f.queue.drop(f.unread)
	f.unread = 0
}

// read copies unread bytes; take removes them, which opens the window.
func (f *flow) read(p []byte) int { return f.queue.peek(p[:min(len(p), f.unread)]) }

func (f *flow) take(n int) {
	f.queue.drop(n)
	f.unread -= n
	if f.unsent > 0 || f.fin == finQueued {
		f.transmit()
	}
}

// reset sends a RST and drops what was not sent yet.
func (f *flow) reset() {
	if f.stopped() {
		return
	}
	f.resetting = true
	f.queue.truncate(f.unread + f.flying)
	f.unsent = 0
	if f.fin == finQueued {
		f.fin = finNone // a FIN behind a reset that is lost would say that all has come
	}
	f.send(segment{kind: segmentReset})
}
