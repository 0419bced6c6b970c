package pollertest

import (
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var readiness = []sentence{
	{says: "Readable and Writable are the only things an event says for sure", test: func(t *testing.T, l *Loop) {
		// One life with all that happens to a connection, then one reset.
		check := func() {
			for range 3 {
				for _, e := range l.Turn(time.Millisecond) {
					require.NotZero(t, e.Ready&(poller.Readable|poller.Writable), "event %v says neither readable nor writable", e.Ready)
					if e.Ready&(poller.HangUp|poller.Urgent) != 0 {
						require.NotZero(t, e.Ready&poller.Readable, "event %v: a hint comes with readable", e.Ready)
					}
				}
			}
		}
		client, server := l.Pair()
		check()
		l.Send(client, []byte("x"))
		check()
		require.NoError(t, l.CloseWrite(client))
		check()
		_, err := l.ReceiveAll(server)
		require.NoError(t, err)
		require.NoError(t, l.CloseFD(server))
		check()
		client, server = l.Pair()
		require.NoError(t, l.Abort(server))
		check()
		_, err = l.ReceiveAll(client)
		require.ErrorIs(t, err, syscall.ECONNRESET)
		check()
	}},

	{says: "After Read returned ErrWouldBlock, a new event comes when it could succeed", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for range 10 {
			n, err := l.Read(server, make([]byte, 8))
			require.Equal(t, poller.ErrWouldBlock, err, "Read of %d bytes from an empty stream", n)
			l.Settle()
			l.Forget(server)
			l.Send(client, []byte("x"))
			l.Await(server, poller.Readable)
			require.Equal(t, "x", string(l.Receive(server, 1)))
		}
	}},

	{says: "After Write returned ErrWouldBlock, a new event comes when it could succeed", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for range 3 {
			l.Fill(client)
			l.MakeRoom(client, server)
		}
	}},

	{says: "After Writev returned ErrWouldBlock, a new event comes when it could succeed", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		chunk := make([]byte, 64<<10)
		for range 3 {
			for {
				_, err := l.Writev(client, [][]byte{chunk, chunk})
				if err == poller.ErrWouldBlock {
					break
				}
				require.NoError(t, err)
			}
			l.Forget(client)
			l.MakeRoom(client, server)
		}
	}},

	{says: "After Accept returned ErrWouldBlock, a new event comes when it could succeed", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		for range 5 {
			fd, _, err := l.Accept(listener)
			require.Equal(t, poller.ErrWouldBlock, err, "Accept with an empty queue")
			require.Equal(t, poller.NoFD, fd)
			l.Settle()
			l.Forget(listener)
			_, err = l.Dial(at, poller.SocketOptions{})
			require.NoError(t, err)
			l.Await(listener, poller.Readable)
			l.AcceptOne(listener)
		}
	}},

	{says: "After ConnectResult returned ErrWouldBlock, a new event comes when it could succeed", test: func(t *testing.T, l *Loop) {
		_, at := l.Server(Loopback, poller.ListenOptions{})
		for range 5 {
			fd, err := l.Connect(at, poller.SocketOptions{})
			require.NoError(t, err)
			l.Own(fd)
			l.Register(fd)
			for err = l.ConnectResult(fd); err == poller.ErrWouldBlock; err = l.ConnectResult(fd) {
				l.Await(fd, poller.Writable)
			}
			require.NoError(t, err, "ConnectResult")
		}
	}},

	{says: "A Read that returned fewer bytes than it had room for has drained the stream", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		for range 20 {
			l.Forget(server)
			l.Send(client, []byte("abc"))
			for got := 0; got < 3; {
				l.Await(server, poller.Readable)
				n, err := l.Read(server, make([]byte, 4))
				if err == poller.ErrWouldBlock {
					continue // the event was a spurious one
				}
				require.NoError(t, err)
				got += n
				// No second read: what is still to come must raise an event.
			}
		}
	}},

	{says: "A Read that filled its room may have left bytes, for which no event comes", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("abcdef"))
		l.Await(server, poller.Readable)
		l.Settle()
		buf := make([]byte, 3)
		var got []byte
		for len(got) < 6 {
			n, err := l.Read(server, buf)
			require.NoError(t, err, "reads in a row, after %q", got)
			got = append(got, buf[:n]...)
			if n < len(buf) && len(got) < 6 { // drained, so the rest is an event
				l.Await(server, poller.Readable)
			}
		}
		require.Equal(t, "abcdef", string(got), "full reads in a row")
		_, err := l.Read(server, buf)
		require.Equal(t, poller.ErrWouldBlock, err, "Read of a drained stream")
	}},

	{says: "After HangUp a short read proves nothing", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("last words"))
		require.NoError(t, l.CloseWrite(client))
		// Data and FIN are one event, and no other will come.
		l.Await(server, poller.Readable)
		got, err := l.ReceiveAll(server)
		require.NoError(t, err)
		require.Equal(t, "last words", string(got), "data and FIN in one event")
	}},

	{says: "Data and FIN that come after the event was handed out raise another", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("abc"))
		l.Await(server, poller.Readable)
		require.NoError(t, l.CloseWrite(client))
		got, err := l.ReceiveAll(server)
		require.NoError(t, err)
		require.Equal(t, "abc", string(got))
	}},

	{says: "Bytes that nobody reads raise one event and no more", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("unread"))
		l.Await(server, poller.Readable)
		l.Settle()
		l.Sleeps()
	}},

	{says: "A connection that nobody accepts raises one event and no more", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		_, err := l.Dial(at, poller.SocketOptions{})
		require.NoError(t, err)
		l.Await(listener, poller.Readable)
		l.Settle()
		l.Sleeps()
	}},

	{says: "A peer that finished sending is notified, then quiet", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Forget(server)
		require.NoError(t, l.CloseWrite(client))
		l.Await(server, poller.Readable)
		l.Settle()
		l.Sleeps()
		_, err := l.Read(server, make([]byte, 1))
		require.Equal(t, io.EOF, err, "Read after FIN")
		l.Settle()
		l.Sleeps()
	}},

	{says: "A peer that is gone is notified, then quiet", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Forget(server)
		require.NoError(t, l.CloseFD(client))
		l.Await(server, poller.Readable)
		l.Settle()
		l.Sleeps()
		_, err := l.Read(server, make([]byte, 1))
		require.Equal(t, io.EOF, err, "Read after the peer's close")
		l.Settle()
		l.Sleeps()
	}},

	{says: "A reset is notified, then quiet", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Forget(server)
		require.NoError(t, l.Abort(client))
		l.Await(server, poller.Readable)
		l.Settle()
		l.Sleeps()
		_, err := l.Read(server, make([]byte, 1))
		require.ErrorIs(t, err, syscall.ECONNRESET, "Read after a reset")
		l.Settle()
		l.Sleeps()
	}},

	{says: "A peer that is gone with data unread on both sides is notified, then quiet", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Send(client, []byte("to the server"))
		l.Send(server, []byte("to the client"))
		l.Await(client, poller.Readable)
		l.Await(server, poller.Readable)
		l.Settle()
		l.Forget(server)
		// A close with bytes unread is a reset.
		require.NoError(t, l.CloseFD(client))
		l.Settle()
		l.Sleeps()
	}},

	{says: "A writer whose peer is gone is notified, then quiet", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Fill(client)
		require.NoError(t, l.Abort(server))
		l.Await(client, poller.Writable)
		l.Settle()
		l.Sleeps()
	}},

	{says: "A full batch leaves the other events to the next Waits", config: poller.Config{EventsPerWait: 4}, test: func(t *testing.T, l *Loop) {
		const pairs = 20
		var servers []poller.FD
		var clients []poller.FD
		for range pairs {
			client, server := l.Pair()
			clients, servers = append(clients, client), append(servers, server)
		}
		l.Settle()
		clear(l.seen)
		for _, fd := range clients {
			l.Send(fd, []byte("x"))
		}
		for turn := 0; ; turn++ {
			missing := 0
			for _, fd := range servers {
				if l.seen[l.tokens[fd]]&poller.Readable == 0 {
					missing++
				}
			}
			if missing == 0 {
				break
			}
			require.Less(t, turn, 2*pairs, "%d descriptors are ready, still not reported: %d", pairs, missing)
			require.LessOrEqual(t, len(l.Turn(Patience)), 4, "events of one Wait with EventsPerWait 4")
		}
	}},

	{says: "A full batch of busy descriptors starves none", config: poller.Config{EventsPerWait: 4}, test: func(t *testing.T, l *Loop) {
		const pairs = 20
		peer := map[poller.Token]poller.FD{}
		self := map[poller.Token]poller.FD{}
		for range pairs {
			client, server := l.Pair()
			require.NoError(t, l.Remove(client))
			token := l.tokens[server]
			peer[token], self[token] = client, server
		}
		l.Settle()
		for _, client := range peer {
			l.Send(client, []byte("x"))
		}
		const turns = 100
		served := map[poller.Token]int{}
		for range turns {
			for _, e := range l.Turn(Patience) {
				if e.Ready&poller.Readable == 0 {
					continue
				}
				_, err := l.Read(self[e.Token], make([]byte, 8))
				if err != nil {
					require.Equal(t, poller.ErrWouldBlock, err)
				}
				served[e.Token]++
				l.Send(peer[e.Token], []byte("x")) // at once busy again
			}
		}
		for token := range self {
			require.GreaterOrEqual(t, served[token], turns*4/pairs/2, "turns in which %v was served, of %d with 4 of %d at a time", token, turns, pairs)
		}
	}},
}
