package reactor

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// noDatagrams is the part of a fake operating system that has none.
type noDatagrams struct{}

func (noDatagrams) ListenPacket(poller.Addr, poller.PacketOptions) (poller.FD, error) {
	return poller.NoFD, errors.ErrUnsupported
}

func (noDatagrams) ConnectPacket(_, _ poller.Addr, _ poller.PacketOptions) (poller.FD, error) {
	return poller.NoFD, errors.ErrUnsupported
}

func (noDatagrams) Receive(poller.FD, []poller.Datagram) (int, error) {
	return 0, errors.ErrUnsupported
}
func (noDatagrams) Send(poller.FD, []poller.Datagram) (int, error) { return 0, errors.ErrUnsupported }
func (noDatagrams) JoinGroup(poller.FD, netip.Addr, int) error     { return errors.ErrUnsupported }
func (noDatagrams) LeaveGroup(poller.FD, netip.Addr, int) error    { return errors.ErrUnsupported }

// packetOS is a fakeOS whose calls for datagrams return what the test says.
type packetOS struct {
	*fakeOS
	n     int
	err   error
	calls int
}

func (o *packetOS) Receive(poller.FD, []poller.Datagram) (int, error) { o.calls++; return o.n, o.err }
func (o *packetOS) Send(poller.FD, []poller.Datagram) (int, error)    { o.calls++; return o.n, o.err }

func TestSourceDatagramsKeepTheReadinessFlag(t *testing.T) {
	two, many := make([]poller.Datagram, 2), make([]poller.Datagram, 2*poller.MaxDatagrams)
	for _, c := range []struct {
		name  string
		d     Direction
		with  []poller.Datagram
		n     int
		err   error
		ready bool
	}{
		{"a full Receive proves nothing", In, two, 2, nil, true},
		{"a full call is a full Receive", In, many, poller.MaxDatagrams, nil, true},
		{"a short Receive means drained", In, two, 1, nil, false},
		{"a Receive that would block means drained", In, two, 0, poller.ErrWouldBlock, false},
		{"an error of the network proves nothing", In, two, 0, syscall.ECONNREFUSED, true},
		{"a short Send proves nothing", Out, two, 1, nil, true},
		{"a Send that would block means full", Out, two, 0, poller.ErrWouldBlock, false},
		{"an error of a Send proves nothing", Out, two, 1, syscall.EMSGSIZE, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, f := newFakeLoop(t, Options{})
			o := &packetOS{fakeOS: f, n: c.n, err: c.err}
			l.os = o
			s, file := fakeSource(t, l, f)
			call := s.Receive
			if c.d == Out {
				call = s.Send
			}
			_, err := call(c.with)
			require.Equal(t, poller.ErrWouldBlock, err, "before an event")
			require.Zero(t, o.calls, "system calls before an event")
			f.event(file, poller.Readable|poller.Writable|poller.HangUp)
			turn(t, l)
			n, err := call(c.with)
			require.Equal(t, c.err, err)
			require.Equal(t, c.n, n)
			require.Equal(t, c.ready, s.Ready(c.d), "ready afterwards")
			require.NoError(t, s.Close())
			_, err = call(c.with)
			require.Equal(t, net.ErrClosed, err, "after Close")
		})
	}
}
