package pollertest

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var accept = []sentence{
	{says: "Accept with an empty queue is ErrWouldBlock", test: func(t *testing.T, l *Loop) {
		listener, _ := l.Server(Loopback, poller.ListenOptions{})
		fd, _, err := l.Accept(listener)
		require.Equal(t, poller.ErrWouldBlock, err, "Accept")
		require.Equal(t, poller.NoFD, fd, "descriptor of a failed Accept")
	}},

	{says: "Accept takes one connection off the listener's queue", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		clients := map[poller.Addr]bool{}
		for range 10 {
			fd, err := l.Dial(at, poller.SocketOptions{})
			require.NoError(t, err)
			local, err := l.LocalAddr(fd)
			require.NoError(t, err)
			clients[local] = true
		}
		for range 10 {
			_, peer := l.AcceptOne(listener)
			require.True(t, clients[peer], "accepted peer %v, want one of the clients, each once", peer)
			delete(clients, peer)
		}
		_, _, err := l.Accept(listener)
		require.Equal(t, poller.ErrWouldBlock, err, "Accept after all were taken")
	}},

	{says: "A connection that died in the queue does no harm", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		dead, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		live, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		want, err := l.LocalAddr(live)
		require.NoError(t, err)
		require.NoError(t, l.Abort(dead))
		// Some systems hand a dead connection out, whose Read then fails;
		// others pass it over.
		for {
			fd, peer := l.AcceptOne(listener)
			if peer == want {
				break
			}
			_, err := l.ReceiveAll(fd)
			require.ErrorIs(t, err, syscall.ECONNRESET, "Read of a connection that died in the queue")
		}
	}},

	{says: "Accepted connections inherit the listener's socket options", test: func(t *testing.T, l *Loop) {
		_, plain := l.Pair()
		want, err := l.Option(plain, poller.NoDelay)
		require.NoError(t, err)
		require.Equal(t, 1, want, "NoDelay of an accepted connection by default")
		_, delayed := l.PairAt(Loopback, poller.ListenOptions{SocketOptions: poller.SocketOptions{Delay: true, KeepAliveIdle: 77}})
		got, err := l.Option(delayed, poller.NoDelay)
		require.NoError(t, err)
		require.Equal(t, 0, got, "NoDelay of a connection accepted with Delay")
	}},

	{says: "A port in use is EADDRINUSE", test: func(t *testing.T, l *Loop) {
		_, at := l.Server(Loopback, poller.ListenOptions{})
		fd, err := l.Listen(at, poller.ListenOptions{})
		require.ErrorIs(t, err, syscall.EADDRINUSE, "second Listen at %v", at)
		require.Equal(t, poller.NoFD, fd)
	}},

	{says: "A port is free again at once, whatever became of its connections", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		client, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		server, _ := l.AcceptOne(listener)
		// The server closes first, so its side stays in TIME_WAIT.
		require.NoError(t, l.CloseFD(server))
		_, err = l.ReceiveAll(client)
		require.NoError(t, err)
		require.NoError(t, l.CloseFD(client))
		require.NoError(t, l.CloseFD(listener))
		l.Server(at, poller.ListenOptions{})
	}},

	{says: "An address that is none is refused", test: func(t *testing.T, l *Loop) {
		fd, err := l.Listen(poller.Addr{}, poller.ListenOptions{})
		require.Error(t, err, "Listen at the zero address")
		require.Equal(t, poller.NoFD, fd)
		fd, err = l.Connect(poller.Addr{}, poller.SocketOptions{})
		require.Error(t, err, "Connect to the zero address")
		require.Equal(t, poller.NoFD, fd)
	}},
}
