package reactor

import (
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

func TestDetachMovesAConnectionToAnotherGroup(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		// The first server leaves everything behind "keep" unconsumed.
		closed := make(chan error, 1)
		var conn *Conn
		s := e.serve(ListenOptions{}, func(c *Conn) Handler {
			conn = c
			return &calls{data: func(*Conn, []byte) int { return 0 }, closed: func(_ *Conn, err error) { closed <- err }}
		})
		peer := e.dial(s.listener)
		_, err := peer.Write([]byte("keep"))
		require.NoError(t, err)
		s.until("the bytes that are kept", func() bool { return conn != nil && len(conn.unconsumed) == 4 })

		var fd poller.FD
		var received []byte
		s.do(func() { fd, received, err = conn.Detach() })
		require.NoError(t, err)
		require.Equal(t, "keep", string(received))
		require.ErrorIs(t, wait(t, closed, "OnClose"), ErrDetached)
		s.do(func() { _, _, err = conn.Detach() })
		require.ErrorIs(t, err, net.ErrClosed, "a second Detach")
		s.until("no connection", func() bool { return s.Stats().Conns == 0 && s.listener.Conns() == 0 })

		// What comes in between waits in the socket.
		_, err = peer.Write([]byte("+more"))
		require.NoError(t, err)

		g := e.group(2)
		ended := make(chan struct{}, 1)
		intake := g.NewIntake(ConnOptions{}, always(echoing{}), func() { ended <- struct{}{} })
		stop, groupEnded := e.runGroup(g)
		require.NoError(t, intake.Adopt(fd, received, nil))
		buf := make([]byte, 9)
		for n := 0; n < len(buf); {
			m, err := peer.Read(buf[n:])
			require.NoError(t, err)
			n += m
		}
		require.Equal(t, "keep+more", string(buf))
		require.Equal(t, 1, intake.Conns())
		require.Equal(t, 1, g.Conns())
		pingPong(t, peer, "still there")
		require.NoError(t, peer.Close())
		wait(t, ended, "the word that the connection has ended")
		require.Equal(t, 0, intake.Conns())
		stop()
		require.NoError(t, wait(t, groupEnded, "the group's end"))
		require.ErrorIs(t, intake.Adopt(0, nil, nil), ErrLoopClosed)
	})
}

func TestDetachRefusesWhatIsInFlight(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		inside := make(chan error, 1)
		var conn *Conn
		s := e.serve(ListenOptions{}, func(c *Conn) Handler {
			conn = c
			return &calls{data: func(c *Conn, b []byte) int {
				_, _, err := c.Detach()
				inside <- err
				return len(b)
			}, eof: func(*Conn) {}}
		})
		peer := e.dial(s.listener)
		_, err := peer.Write([]byte("x"))
		require.NoError(t, err)
		require.ErrorIs(t, wait(t, inside, "OnData"), ErrRunning)

		s.do(func() {
			_, err = conn.Write(pattern(8 << 20)) // more than the socket holds
			require.NoError(t, err)
			_, _, err = conn.Detach()
		})
		require.ErrorIs(t, err, ErrInFlight)
		for left := 8 << 20; left > 0; {
			n, err := peer.Read(make([]byte, 64<<10))
			require.NoError(t, err)
			left -= n
		}
		require.NoError(t, peer.(interface{ CloseWrite() error }).CloseWrite())
		s.until("the peer's end", func() bool { return conn.input == inputEnded })
		s.do(func() { _, _, err = conn.Detach() })
		require.ErrorIs(t, err, ErrInFlight)
	})
}

func TestListenerOfAnInheritedSocketLeavesItOpen(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, e *env) {
		// The owner keeps the socket, as a parent process does.
		owner, err := poller.Open(poller.Config{})
		require.NoError(t, err)
		defer owner.Close()
		at, err := poller.ParseAddr(e.network, e.address())
		require.NoError(t, err)
		fd, err := owner.Listen(at, poller.ListenOptions{})
		require.NoError(t, err)
		defer owner.CloseFD(fd)

		listen := func() *server {
			l, p := e.loop(Options{})
			ln, err := l.ListenFD(duplicate(t, fd), ListenOptions{}, always(echoing{}))
			require.NoError(t, err)
			return &server{e.run(l, p), ln}
		}
		first := listen()
		pingPong(t, e.dial(first.listener), "first")
		first.do(func() { require.NoError(t, first.listener.Close()) })

		// Nobody accepts now, and the port does not refuse.
		waiting := e.dial(first.listener)
		second := listen()
		pingPong(t, waiting, "waited")
		first.do(func() { require.Zero(t, first.Stats().StaleEvents, "events of a listener that was closed") })
		require.ErrorIs(t, func() (err error) {
			second.do(func() { _ = second.listener.Close(); err = second.listener.Close() })
			return
		}(), net.ErrClosed)
	})
}

func TestListenFDRefusesWhatIsNoDescriptor(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		l, _ := e.loop(Options{})
		_, err := l.ListenFD(poller.NoFD-1, ListenOptions{}, always(echoing{}))
		var op *net.OpError
		require.True(t, errors.As(err, &op), "got %v", err)
	})
}
