package pollertest

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var connect = []sentence{
	{says: "Connect begins a connection whose outcome is there once the descriptor is writable", test: func(t *testing.T, l *Loop) {
		_, at := l.Server(Loopback, poller.ListenOptions{})
		fd, err := l.Connect(at, poller.SocketOptions{})
		require.NoError(t, err, "Connect")
		l.Own(fd)
		l.Register(fd)
		l.Await(fd, poller.Writable)
		require.NoError(t, l.ConnectResult(fd), "ConnectResult of a writable descriptor")
		require.NoError(t, l.ConnectResult(fd), "ConnectResult, asked again")
	}},

	{says: "ConnectResult reports a refused connect, once and for all", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		require.NoError(t, l.CloseFD(listener))
		fd, err := l.Dial(at, poller.SocketOptions{})
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "connect to a port where nobody listens")
		if fd != poller.NoFD {
			err = l.ConnectResult(fd)
			require.Error(t, err, "ConnectResult of a refused connect, asked again")
			require.NotEqual(t, poller.ErrWouldBlock, err, "ConnectResult of a refused connect, asked again")
			l.Settle()
			l.Sleeps()
		}
	}},

	{says: "LocalAddr and PeerAddr give a socket's two ends", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		require.NotZero(t, at.Port(), "port of a listener at port 0")
		client, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		server, peer := l.AcceptOne(listener)
		for _, end := range []struct {
			name          string
			local, remote func(poller.FD) (poller.Addr, error)
		}{{"local of the client is peer of the server", l.LocalAddr, l.PeerAddr}, {"peer of the client is local of the server", l.PeerAddr, l.LocalAddr}} {
			a, err := end.local(client)
			require.NoError(t, err)
			b, err := end.remote(server)
			require.NoError(t, err)
			require.Equal(t, a, b, end.name)
		}
		got, err := l.PeerAddr(server)
		require.NoError(t, err)
		require.Equal(t, peer, got, "Accept's address and PeerAddr")
		_, err = l.PeerAddr(listener)
		require.ErrorIs(t, err, syscall.ENOTCONN, "PeerAddr of a listener")
	}},
}
