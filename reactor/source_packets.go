package reactor

import "github.com/weft-go/weft/poller"

// Receive takes datagrams, as poller.Datagrams has it. It returns
// poller.ErrWouldBlock, without a system call, while the source is not ready.
// Room that was not filled means drained, whatever hints have come: an error of
// the network raises an event of its own.
func (s *Source) Receive(into []poller.Datagram) (int, error) {
	if err := s.usable(In); err != nil {
		return 0, err
	}
	n, err := s.loop.os.Receive(s.fd, into)
	if err == poller.ErrWouldBlock || err == nil && n < min(len(into), poller.MaxDatagrams) {
		s.ready[In] = false
	}
	return n, err
}

// Send sends datagrams, as poller.Datagrams has it. It returns
// poller.ErrWouldBlock, without a system call, while the source is not ready. On a
// Unix socket no event may follow it: say SetReady after a time, and try again.
func (s *Source) Send(out []poller.Datagram) (int, error) {
	if err := s.usable(Out); err != nil {
		return 0, err
	}
	n, err := s.loop.os.Send(s.fd, out)
	s.noticed(Out, err)
	return n, err
}
