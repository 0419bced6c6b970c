package sim

import (
	"fmt"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// packetSocket is a datagram socket: who may be heard, what has arrived, and
// what has not left the host.
//
//	 Send                                          Receive
//	   |                                              ^
//	   v        link        link                      |
//	+--------+  free   +-----------+  arrives   +----------+
//	| unsent | ------> | on its way| ---------> |  queue   |
//	+--------+         +-----------+ '-> lost   +----------+
//	sendBuffer: else   mostOnTheWay: else       receiveBuffer:
//	would block        lost                     else lost
//
// It keeps its state when the network reports an error: that comes once, and
// the socket goes on.
type packetSocket struct {
	process       *process
	file          *file // nil once it is closed
	unix          bool
	local, remote poller.Addr // remote is the zero Addr: not connected

	queue    []datagram
	queued   int // bytes of the queue, with their bookkeeping
	unsent   int // bytes that wait for the link
	onTheWay int // bytes that have not arrived yet

	err                     syscall.Errno // what the network reported, for the next call
	searching               bool          // for an address that no host has
	groups                  []membership
	multicast               multicastOptions
	reusePort, reuseAddress bool
	options

	// Unix sockets only: whom it is connected to, who waits for room in the
	// queue, and whose room this one waits for.
	peer    *packetSocket
	waiting []*packetSocket
	waitsIn *packetSocket
}

// datagram is one that has arrived.
type datagram struct {
	from    poller.Addr
	payload []byte
}

const (
	// defaultPacketBuffer is Linux's net.core.rmem_default.
	//
	// Bound: some 270 small datagrams, so that a slow receiver loses some.
	defaultPacketBuffer = 208 << 10
	// bookkeeping is what the kernel charges for a datagram besides its bytes.
	//
	// Bound: Linux's smallest truesize. It makes a queue of empty datagrams end.
	bookkeeping = 768
	// mostOnTheWay is how many bytes of one socket are between two hosts.
	//
	// Bound: a router's queue. Without it a program that sends and never waits
	// fills the memory, since no time passes for it.
	mostOnTheWay = 16 << 20
)

func (s *packetSocket) connected() bool { return s.remote != poller.Addr{} }

func (s *packetSocket) fd() poller.FD {
	if s.file == nil {
		return poller.NoFD
	}
	return s.file.fd
}

func (s *packetSocket) world() *World { return s.process.host.world }

// is is the socket's readiness.
func (s *packetSocket) is() (r poller.Readiness) {
	if len(s.queue) > 0 || s.err != 0 {
		r |= poller.Readable
	}
	if s.writable() || s.err != 0 {
		r |= poller.Writable
	}
	return r
}

// writable reports whether a blocked sender is told to go on: with half of its
// buffer free, as Linux has it.
func (s *packetSocket) writable() bool {
	return 2*s.unsent < s.sendBuffer && (s.waitsIn == nil || !s.waitsIn.full())
}

// full reports whether the queue takes no more. As on Linux the last datagram
// may stand out.
func (s *packetSocket) full() bool { return s.file != nil && s.queued > s.receiveBuffer }

func (s *packetSocket) notify(r poller.Readiness) {
	if s.file != nil {
		s.file.notify(r)
	}
}

// report is an error that the network sends back, for the next call. Only a
// connected socket hears of it: the others could not tell which datagram it is
// about.
func (s *packetSocket) report(errno syscall.Errno) {
	if s.file == nil || !s.connected() {
		return
	}
	s.err = errno
	s.world().note(s.process.host, actFail, s.fd(), int(errno), nil)
	s.notify(poller.Readable | poller.Writable)
}

// takeError gives the report to the first who asks.
func (s *packetSocket) takeError(call string) error {
	errno := s.err
	if errno == 0 {
		return nil
	}
	s.err = 0
	return os.NewSyscallError(call, errno)
}

// push puts a datagram into the queue, or loses it.
func (s *packetSocket) push(d datagram) {
	h, n := s.process.host, len(d.payload)
	if s.full() {
		h.lose(n, lostNoRoom)
		return
	}
	h.datagrams.Arrived++
	s.world().note(h, actPacket, s.fd(), n, nil)
	s.queue = append(s.queue, d)
	s.queued += n + bookkeeping
	s.notify(poller.Readable)
}

// receive is recvmmsg(2).
func (s *packetSocket) receive(into []poller.Datagram) (n int, err error) {
	if err := s.takeError("recvmsg"); err != nil {
		return 0, err
	}
	w := s.world()
	into = into[:min(len(into), poller.MaxDatagrams)]
	most := min(len(into), len(s.queue))
	if most > 1 && w.chance(s.process.host.knobs().ShortRead) {
		most = 1 + w.rng.IntN(most)
	}
	for ; n < most; n++ {
		s.pop(&into[n])
	}
	if n < len(into) {
		// It counts as would-block, so what is there in spite of it is an event of
		// its own, as if it had come later.
		s.file.armed |= poller.Readable
		s.file.recheck(poller.Readable)
	}
	if n == 0 && len(into) > 0 {
		return 0, poller.ErrWouldBlock
	}
	return n, nil
}

// pop moves the oldest datagram into its room.
func (s *packetSocket) pop(into *poller.Datagram) {
	d := s.queue[0]
	s.queue[0] = datagram{}
	if s.queue = s.queue[1:]; len(s.queue) == 0 {
		s.queue = nil
	}
	s.queued -= len(d.payload) + bookkeeping
	into.N = copy(into.Payload, d.payload)
	into.Truncated = into.N < len(d.payload)
	into.Peer = d.from
	s.admit()
}

// close forgets what has not been received. What was sent goes on.
func (s *packetSocket) close() {
	s.file, s.queue, s.queued = nil, nil, 0
	s.unbind()
	s.admit()
}

func (s *packetSocket) describe() string {
	text := fmt.Sprintf("datagrams at %v", s.local)
	if s.connected() {
		text += fmt.Sprintf(" -> %v", s.remote)
	}
	return text + fmt.Sprintf(", %d to be received, %d bytes unsent, %d on the way", len(s.queue), s.unsent, s.onTheWay)
}
