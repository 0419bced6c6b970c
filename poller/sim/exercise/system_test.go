package exercise

import (
	"fmt"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// system stands between a loop and its simulated system. It knows which
// descriptors the loop has, and what it did in this turn.
type system struct {
	poller.Simulated
	run    *run
	name   string
	limits reactor.Limits
	open   map[poller.FD]*usage
	after  func() // what else to look at after each turn; nil
	batch  int    // events of the last Wait
	ended  bool   // the host has gone
}

// usage is what one turn did with a descriptor.
type usage struct {
	read, accepted int
	peer, local    string // the name of a connection that was accepted, or dialled over a Unix socket
}

func (r *run) system(name string, os poller.OS, limits reactor.Limits) *system {
	return &system{Simulated: os.(poller.Simulated), run: r, name: name, limits: limits, open: make(map[poller.FD]*usage)}
}

// Wait looks at what happened since the last one: the events of one turn and the
// batch of the next, in each of which a budget may be spent.
func (s *system) Wait(events []poller.Event, timeout time.Duration) (int, error) {
	for fd, u := range s.open {
		if budget := 2 * (s.limits.BytesPerTurn + s.limits.ReadBuffer); s.limits.BytesPerTurn > 0 && u.read > budget {
			s.run.fail("%s: %d bytes read from descriptor %d in one turn, over two budgets, %d", s.name, u.read, fd, budget)
		}
		if budget := 2 * s.limits.AcceptsPerTurn; budget > 0 && u.accepted > budget {
			s.run.fail("%s: %d accepted in one turn, over two budgets, %d", s.name, u.accepted, budget)
		}
		u.read, u.accepted = 0, 0
	}
	if s.after != nil {
		s.after()
	}
	n, err := s.Simulated.Wait(events, timeout)
	s.batch = n
	if err == sim.ErrEnded {
		s.ended = true
	}
	return n, err
}

// known reports a call with a descriptor that the loop does not have.
func (s *system) known(call string, fd poller.FD) *usage {
	u := s.open[fd]
	if u == nil {
		s.run.fail("%s: %s of descriptor %d, which is not open", s.name, call, fd)
		u = new(usage)
	}
	return u
}

func (s *system) opened(fd poller.FD, err error) {
	if err == nil {
		s.open[fd] = new(usage)
	}
}

func (s *system) Listen(at poller.Addr, o poller.ListenOptions) (poller.FD, error) {
	fd, err := s.Simulated.Listen(at, o)
	s.opened(fd, err)
	if err == nil && at.IsUnix() {
		s.run.dialled = nil
	}
	return fd, err
}

// Accept gives a Unix socket's peer, which has no address, the name that Connect
// gave it: they are accepted in the order in which they were connected.
func (s *system) Accept(listener poller.FD) (poller.FD, poller.Addr, error) {
	u := s.known("accept", listener)
	fd, peer, err := s.Simulated.Accept(listener)
	if s.opened(fd, err); err == nil {
		u.accepted++
		if peer.IsUnix() {
			peer.Path, s.run.dialled = s.run.dialled[0], s.run.dialled[1:]
		}
		s.open[fd].peer = peer.String()
	}
	return fd, peer, err
}

func (s *system) Connect(to poller.Addr, o poller.SocketOptions) (poller.FD, error) {
	fd, err := s.Simulated.Connect(to, o)
	s.opened(fd, err)
	if err == nil && to.IsUnix() {
		s.run.names++
		s.open[fd].local = fmt.Sprint("@", s.run.names)
		s.run.dialled = append(s.run.dialled, s.open[fd].local)
	}
	return fd, err
}

func (s *system) LocalAddr(fd poller.FD) (poller.Addr, error) {
	a, err := s.Simulated.LocalAddr(fd)
	if u := s.open[fd]; u != nil && u.local != "" {
		a.Path = u.local
	}
	return a, err
}

func (s *system) PeerAddr(fd poller.FD) (poller.Addr, error) {
	a, err := s.Simulated.PeerAddr(fd)
	if u := s.open[fd]; u != nil && a.IsUnix() && u.peer != "" {
		a.Path = u.peer
	}
	return a, err
}

func (s *system) ListenPacket(at poller.Addr, o poller.PacketOptions) (poller.FD, error) {
	fd, err := s.Simulated.ListenPacket(at, o)
	s.opened(fd, err)
	return fd, err
}

func (s *system) ConnectPacket(from, to poller.Addr, o poller.PacketOptions) (poller.FD, error) {
	fd, err := s.Simulated.ConnectPacket(from, to, o)
	s.opened(fd, err)
	return fd, err
}

func (s *system) Receive(fd poller.FD, into []poller.Datagram) (int, error) {
	s.known("recvmsg", fd)
	return s.Simulated.Receive(fd, into)
}

func (s *system) Send(fd poller.FD, out []poller.Datagram) (int, error) {
	s.known("sendmsg", fd)
	return s.Simulated.Send(fd, out)
}

func (s *system) Add(fd poller.FD, t poller.Token) error {
	s.known("add", fd)
	return s.Simulated.Add(fd, t)
}

func (s *system) Remove(fd poller.FD) error {
	s.known("remove", fd)
	return s.Simulated.Remove(fd)
}

func (s *system) Rearm(fd poller.FD, r poller.Readiness) {
	s.known("rearm", fd)
	s.Simulated.Rearm(fd, r)
}

func (s *system) Read(fd poller.FD, p []byte) (int, error) {
	u := s.known("read", fd)
	n, err := s.Simulated.Read(fd, p)
	u.read += n
	return n, err
}

func (s *system) Write(fd poller.FD, p []byte) (int, error) {
	s.known("write", fd)
	return s.Simulated.Write(fd, p)
}

func (s *system) Writev(fd poller.FD, bufs [][]byte) (int, error) {
	s.known("writev", fd)
	return s.Simulated.Writev(fd, bufs)
}

func (s *system) CloseWrite(fd poller.FD) error {
	s.known("shutdown", fd)
	return s.Simulated.CloseWrite(fd)
}

// closing is the end of a descriptor. An idle connection without a task ends
// without a word to its handler, so its end of a conversation ends here.
func (s *system) closing(call string, fd poller.FD) {
	u := s.known(call, fd)
	delete(s.open, fd)
	if pair, ok := s.run.conversations[u.peer]; ok {
		server := pair[1]
		server.rude = server.rude || !server.in.ended
		server.finished = true
	}
}

func (s *system) CloseFD(fd poller.FD) error {
	s.closing("close", fd)
	return s.Simulated.CloseFD(fd)
}

func (s *system) Abort(fd poller.FD) error {
	s.closing("abort", fd)
	return s.Simulated.Abort(fd)
}

// Close is the loop's end: everything it had is closed by now.
func (s *system) Close() error {
	if len(s.open) > 0 {
		s.run.fail("%s: %d descriptors are left at the end", s.name, len(s.open))
	}
	return s.Simulated.Close()
}
