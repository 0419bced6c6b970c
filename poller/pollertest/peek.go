package pollertest

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var peek = []sentence{
	{says: "Peek leaves the bytes for the next Read", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("hello"))
		l.Await(server, poller.Readable)
		for _, size := range []int{1, 3, 5, 64} {
			p := make([]byte, size)
			n, err := l.Peek(server, p)
			require.NoError(t, err, "Peek of up to %d bytes", size)
			require.Equal(t, "hello"[:min(size, 5)], string(p[:n]))
		}
		require.Equal(t, "hello", string(l.Receive(server, 5)))
	}},

	{says: "Peek of an empty stream is ErrWouldBlock, and an event comes with the bytes", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for range 3 {
			_, err := l.Peek(server, make([]byte, 8))
			require.Equal(t, poller.ErrWouldBlock, err)
			l.Settle()
			l.Forget(server)
			l.Send(client, []byte("x"))
			l.Await(server, poller.Readable)
			require.Equal(t, "x", string(l.Receive(server, 1)))
		}
	}},

	{says: "What a Peek has seen raises no more events", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("hello"))
		l.Await(server, poller.Readable)
		n, err := l.Peek(server, make([]byte, 64))
		require.NoError(t, err)
		require.Equal(t, 5, n)
		l.Sleeps()
	}},

	{says: "At the end of the stream Peek returns 0, io.EOF", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.CloseFD(client))
		l.Await(server, poller.Readable)
		for range 2 {
			n, err := l.Peek(server, make([]byte, 1))
			require.Equal(t, io.EOF, err)
			require.Zero(t, n)
		}
	}},

	{says: "CloseRead ends the incoming direction only", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("before"))
		l.Await(server, poller.Readable)
		require.NoError(t, l.CloseRead(server))
		got, err := l.ReceiveAll(server)
		require.NoError(t, err, "reading what was there at CloseRead")
		require.Equal(t, "before", string(got))
		l.Send(server, []byte("answer"))
		require.Equal(t, "answer", string(l.Receive(client, 6)), "after CloseRead")
	}},
}
