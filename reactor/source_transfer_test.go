package reactor

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// transferOS is a fakeOS with poller's capabilities, whose calls return what the
// test says.
type transferOS struct {
	*fakeOS
	n     int
	err   error
	calls int
}

func (o *transferOS) call() (int, error) { o.calls++; return o.n, o.err }

func (o *transferOS) SendFile(poller.FD, poller.FD, int64, int) (int, error) { return o.call() }
func (o *transferOS) SpliceIn(poller.Pipe, poller.FD, int) (int, error)      { return o.call() }
func (o *transferOS) SpliceOut(poller.FD, poller.Pipe, int) (int, error)     { return o.call() }
func (o *transferOS) OpenPipe(int) (poller.Pipe, error)                      { return poller.Pipe{}, nil }
func (o *transferOS) ClosePipe(poller.Pipe)                                  {}

var transfers = map[string]struct {
	direction Direction
	call      func(*Source) (int, error)
}{
	"SendFile":  {Out, func(s *Source) (int, error) { return s.SendFile(0, 0, 10) }},
	"SpliceIn":  {In, func(s *Source) (int, error) { return s.SpliceIn(poller.Pipe{}, 10) }},
	"SpliceOut": {Out, func(s *Source) (int, error) { return s.SpliceOut(poller.Pipe{}, 10) }},
}

func TestSourceTransfersKeepTheReadinessFlag(t *testing.T) {
	for name, transfer := range transfers {
		t.Run(name, func(t *testing.T) {
			l, f := newFakeLoop(t, Options{})
			o := &transferOS{fakeOS: f, n: 3}
			l.os = o
			s, file := fakeSource(t, l, f)
			_, err := transfer.call(s)
			require.Equal(t, poller.ErrWouldBlock, err, "before an event")
			require.Zero(t, o.calls, "system calls before an event")
			f.event(file, poller.Readable|poller.Writable)
			turn(t, l)
			n, err := transfer.call(s)
			require.NoError(t, err)
			require.Equal(t, 3, n)
			require.True(t, s.Ready(transfer.direction), "ready after a part")
			o.n, o.err = 0, poller.ErrWouldBlock
			for range 2 {
				_, err = transfer.call(s)
				require.Equal(t, poller.ErrWouldBlock, err)
			}
			require.False(t, s.Ready(transfer.direction), "ready after ErrWouldBlock")
			require.Equal(t, 2, o.calls, "system calls")
			require.NoError(t, s.Close())
			_, err = transfer.call(s)
			require.Equal(t, net.ErrClosed, err, "after Close")
		})
	}
}

func TestSourceTransfersAreUnsupportedWhereTheSystemHasNone(t *testing.T) {
	for name, transfer := range transfers {
		l, f := newFakeLoop(t, Options{})
		s, file := fakeSource(t, l, f)
		f.event(file, poller.Readable|poller.Writable)
		turn(t, l)
		_, err := transfer.call(s)
		require.ErrorIs(t, err, errors.ErrUnsupported, name)
	}
}

func TestSourcePeekLeavesTheBytesAndTheFlag(t *testing.T) {
	l, f := newFakeLoop(t, Options{})
	s, file := fakeSource(t, l, f)
	p := make([]byte, 8)
	_, err := s.Peek(p)
	require.Equal(t, poller.ErrWouldBlock, err, "before an event")
	f.feed(file, "abc")
	turn(t, l)
	for range 2 {
		n, err := s.Peek(p)
		require.NoError(t, err)
		require.Equal(t, "abc", string(p[:n]))
		require.True(t, s.Ready(In), "ready after a short Peek")
	}
	n, err := s.Read(p)
	require.NoError(t, err)
	require.Equal(t, "abc", string(p[:n]))
	s.SetReady(In)
	_, err = s.Peek(p)
	require.Equal(t, poller.ErrWouldBlock, err)
	require.False(t, s.Ready(In), "ready after ErrWouldBlock")
	f.finish(file, io.EOF)
	turn(t, l)
	_, err = s.Peek(p)
	require.Equal(t, io.EOF, err)
	require.NoError(t, s.Close())
	_, err = s.Peek(p)
	require.Equal(t, net.ErrClosed, err)
}
