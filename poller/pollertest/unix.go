package pollertest

import (
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var unixSockets = []sentence{
	{says: "A Unix socket carries a stream both ways", test: func(t *testing.T, l *Loop) {
		client, server := l.PairAt(poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{})
		l.Send(client, []byte("question"))
		require.NoError(t, l.CloseWrite(client))
		var got []byte
		for buf := make([]byte, 3); ; {
			n, err := l.Read(server, buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err == poller.ErrWouldBlock {
				l.Await(server, poller.Readable)
				continue
			}
			require.NoError(t, err)
		}
		require.Equal(t, "question", string(got))
		l.Send(server, []byte("answer"))
		require.Equal(t, "answer", string(l.Receive(client, 6)))
	}},

	{says: "A connect to a path that is not there is ENOENT", test: func(t *testing.T, l *Loop) {
		_, err := l.Dial(poller.Addr{Path: UnixPath(t)}, poller.SocketOptions{})
		require.ErrorIs(t, err, syscall.ENOENT)
	}},

	{says: "A connect to a path where nobody listens any more is ECONNREFUSED", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{})
		require.NoError(t, l.CloseFD(listener))
		_, err := l.Dial(at, poller.SocketOptions{})
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
	}},

	{says: "A connect to a full backlog is ErrBacklogFull", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{Backlog: 1})
		for n := 0; ; n++ {
			require.Less(t, n, 100, "connections to a backlog of 1")
			_, err := l.Dial(at, poller.SocketOptions{})
			if err != nil {
				require.ErrorIs(t, err, poller.ErrBacklogFull, "connect %d", n)
				break
			}
		}
		l.AcceptOne(listener)
		_, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err, "connect after one was accepted")
	}},

	{says: "A path where a server listens is ErrPathInUse", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{})
		_, err := l.Listen(at, poller.ListenOptions{})
		require.ErrorIs(t, err, poller.ErrPathInUse, "second Listen")
		require.ErrorIs(t, err, syscall.EADDRINUSE, "second Listen")
		_, err = l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err, "the first listener lives")
		l.AcceptOne(listener)
	}},

	{says: "A path where nobody listens any more is replaced", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(poller.Addr{Path: UnixPath(t)}, poller.ListenOptions{})
		require.NoError(t, l.CloseFD(listener))
		listener, _ = l.Server(at, poller.ListenOptions{})
		_, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		l.AcceptOne(listener)
	}},

	{says: "LocalAddr of a listener is its path", test: func(t *testing.T, l *Loop) {
		path := UnixPath(t)
		_, at := l.Server(poller.Addr{Path: path}, poller.ListenOptions{})
		require.Equal(t, poller.Addr{Path: path}, at)
		require.Equal(t, "unix", at.Network())
	}},
}
