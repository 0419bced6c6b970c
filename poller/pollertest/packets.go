package pollertest

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

// The sentences about datagrams that travel. Those about opening their sockets
// are in packetsockets.go.
var packets = []sentence{
	{says: "A datagram arrives whole, an empty one too, and with who sent it", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			client, from := l.Packet(place(), poller.PacketOptions{})
			l.Post(client, at, "", strings.Repeat("x", 1500), "short")
			got := l.Gather(server, 3)
			require.ElementsMatch(t, []string{"", strings.Repeat("x", 1500), "short"}, texts(got), "at %v", at)
			for _, d := range got {
				require.Equal(t, from, d.Peer, "who sent it")
				require.False(t, d.Truncated, "%d bytes in room for %d are truncated", d.N, len(d.Payload))
			}
			l.Post(server, got[0].Peer, "answer")
			require.Equal(t, []string{"answer"}, texts(l.Gather(client, 1)), "answer from %v", at)
		})
	}},

	{says: "A socket that is bound hears from everyone", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			var want []string
			peers := map[string]poller.Addr{}
			for i := range 10 {
				client, from := l.Packet(place(), poller.PacketOptions{})
				text := fmt.Sprint("from ", i)
				want, peers[text] = append(want, text), from
				l.Post(client, at, text)
			}
			got := l.Gather(server, len(want))
			require.ElementsMatch(t, want, texts(got))
			for _, d := range got {
				require.Equal(t, peers[string(d.Payload[:d.N])], d.Peer, "who sent %q", d.Payload[:d.N])
			}
		})
	}},

	{says: "One Send reaches several peers", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			client, _ := l.Packet(place(), poller.PacketOptions{})
			first, at1 := l.Packet(place(), poller.PacketOptions{})
			second, at2 := l.Packet(place(), poller.PacketOptions{})
			l.send(client, append(datagrams(at1, "one"), datagrams(at2, "two")...))
			require.Equal(t, []string{"one"}, texts(l.Gather(first, 1)))
			require.Equal(t, []string{"two"}, texts(l.Gather(second, 1)))
		})
	}},

	{says: "A Receive of nothing is ErrWouldBlock, and an event comes with the datagram", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			client, _ := l.Packet(place(), poller.PacketOptions{})
			n, err := l.OS.Receive(server, room(3, 10))
			require.Equal(t, poller.ErrWouldBlock, err)
			require.Zero(t, n, "datagrams that came with ErrWouldBlock")
			l.Settle()
			l.Forget(server)
			l.Post(client, at, "x")
			l.Await(server, poller.Readable)
			require.Equal(t, []string{"x"}, texts(l.Gather(server, 1)))
		})
	}},

	{says: "A Receive that came back short has drained the socket", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			client, _ := l.Packet(place(), poller.PacketOptions{})
			for i := range 5 {
				l.Post(client, at, "a", "b")
				got := 0
				for got < 2 { // the last one is short: no ErrWouldBlock is ever seen
					into := room(3, 10)
					n, err := l.OS.Receive(server, into)
					if err == poller.ErrWouldBlock {
						l.Await(server, poller.Readable)
						continue
					}
					require.NoError(t, err, "Receive of round %d", i)
					got += n
					if got < 2 {
						l.Await(server, poller.Readable)
					}
				}
				require.Equal(t, 2, got, "datagrams of round %d", i)
				l.Settle()
				l.Forget(server)
			}
		})
	}},

	{says: "A Receive that was filled says nothing of what is behind it", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			client, _ := l.Packet(place(), poller.PacketOptions{})
			l.Post(client, at, "a", "b", "c")
			l.Await(server, poller.Readable)
			for got := 0; got < 3; {
				n, err := l.OS.Receive(server, room(1, 10))
				if err == poller.ErrWouldBlock {
					l.Await(server, poller.Readable)
				} else {
					require.NoError(t, err)
				}
				got += n
			}
		})
	}},

	{says: "Receive and Send take MaxDatagrams at most", test: func(t *testing.T, l *Loop) {
		const many = 3 * poller.MaxDatagrams
		server, at := l.Packet(Loopback, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		sent := 0
		for sent < many {
			n, err := l.OS.Send(client, datagrams(poller.Addr{}, make([]string, many-sent)...))
			mayWait(t, err)
			require.LessOrEqual(t, n, poller.MaxDatagrams, "datagrams of one Send")
			sent += n
			if err == poller.ErrWouldBlock {
				l.Await(client, poller.Writable)
			}
		}
		for got := 0; got < many; {
			n, err := l.OS.Receive(server, room(many, 10))
			mayWait(t, err)
			require.LessOrEqual(t, n, poller.MaxDatagrams, "datagrams of one Receive")
			got += n
			if n < poller.MaxDatagrams && got < many {
				l.Await(server, poller.Readable)
			}
		}
		n, err := l.OS.Receive(server, nil)
		require.NoError(t, err, "Receive into nothing")
		require.Zero(t, n)
		n, err = l.OS.Send(client, nil)
		require.NoError(t, err, "Send of nothing")
		require.Zero(t, n)
	}},

	{says: "A datagram that does not fit the room is truncated, and the rest is lost", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			client, _ := l.Packet(place(), poller.PacketOptions{})
			for _, c := range []struct {
				size, room int
				truncated  bool
			}{{4, 4, false}, {5, 4, true}, {1, 0, true}, {0, 0, false}} {
				l.Post(client, at, strings.Repeat("x", c.size))
				into := room(1, c.room)
				for {
					n, err := l.OS.Receive(server, into)
					if err == nil {
						require.Equal(t, 1, n)
						break
					}
					require.Equal(t, poller.ErrWouldBlock, err)
					l.Await(server, poller.Readable)
				}
				require.Equal(t, min(c.size, c.room), into[0].N, "bytes of %d in room for %d", c.size, c.room)
				require.Equal(t, c.truncated, into[0].Truncated, "%d bytes in room for %d are truncated", c.size, c.room)
			}
			l.Post(client, at, "next")
			require.Equal(t, []string{"next"}, texts(l.Gather(server, 1)), "what comes after truncated ones")
		})
	}},

	{says: "What is too large is EMSGSIZE, and those before it went", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(Loopback, poller.PacketOptions{})
		client, _ := l.Packet(Loopback, poller.PacketOptions{})
		out := datagrams(at, "before", strings.Repeat("x", 70_000), "after")
		sent, err := 0, error(nil)
		for err == nil {
			var n int
			n, err = l.OS.Send(client, out[sent:])
			sent += n
		}
		require.ErrorIs(t, err, syscall.EMSGSIZE)
		require.Equal(t, 1, sent, "datagrams that went before it")
		l.Post(client, at, "after")
		require.ElementsMatch(t, []string{"before", "after"}, texts(l.Gather(server, 2)))
	}},

	{says: "A refusal comes once, and the socket goes on", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(Loopback, poller.PacketOptions{})
		client, from := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		require.NoError(t, l.CloseFD(server))
		l.Settle()
		l.Forget(client)
		l.Post(client, poller.Addr{}, "to nobody")
		l.Await(client, poller.Readable)
		n, err := l.OS.Receive(client, room(1, 10))
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "Receive after a datagram to a port without a socket")
		require.Zero(t, n)
		_, err = l.OS.Receive(client, room(1, 10))
		require.Equal(t, poller.ErrWouldBlock, err, "Receive after the refusal was told")
		server, _ = l.Packet(at, poller.PacketOptions{})
		l.Post(client, poller.Addr{}, "question")
		require.Equal(t, []string{"question"}, texts(l.Gather(server, 1)))
		l.Post(server, from, "answer")
		require.Equal(t, []string{"answer"}, texts(l.Gather(client, 1)))
	}},

	{says: "A refusal is told to a Send too, which sends nothing then", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(Loopback, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		require.NoError(t, l.CloseFD(server))
		l.Settle()
		l.Forget(client)
		l.Post(client, poller.Addr{}, "to nobody")
		l.Await(client, poller.Readable)
		n, err := l.OS.Send(client, datagrams(poller.Addr{}, "x"))
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Zero(t, n)
	}},

	{says: "What does not fit the receive buffer is lost, and nobody is told", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(Loopback, poller.PacketOptions{ReceiveBuffer: 8 << 10})
		client, _ := l.Packet(Loopback, poller.PacketOptions{})
		const many = 200
		text := strings.Repeat("x", 1000)
		for range many {
			l.Post(client, at, text)
		}
		l.Await(server, poller.Readable)
		got := l.everything(server)
		require.NotEmpty(t, got)
		require.Less(t, len(got), many, "datagrams of 1000 bytes in a buffer of 8 KiB")
		l.Post(client, at, "later")
		require.Equal(t, []string{"later"}, texts(l.Gather(server, 1)))
	}},

	{says: "A Unix socket whose receiver is full would block", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		client, _ := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		sent := 0
		for {
			n, err := l.OS.Send(client, datagrams(at, "x"))
			if err != nil {
				require.Equal(t, poller.ErrWouldBlock, err, "Send after %d datagrams", sent)
				break
			}
			sent += n
			require.Less(t, sent, 100_000, "datagrams to a receiver that does not receive")
		}
		l.Settle()
		l.Sleeps()
		for range sent {
			into := room(1, 10)
			n, err := l.OS.Receive(server, into)
			require.NoError(t, err)
			require.Equal(t, 1, n, "none of a Unix socket's datagrams is lost")
		}
		l.Post(client, at, "y")
		require.Equal(t, []string{"y"}, texts(l.Gather(server, 1)))
	}},

	{says: "A Unix socket's datagrams keep their order", test: func(t *testing.T, l *Loop) {
		server, at := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		client, _ := l.PacketTo(poller.Addr{}, at, poller.PacketOptions{})
		l.Post(client, poller.Addr{}, "1", "2", "3", "4", "5", "6")
		got := l.Gather(server, 6)
		require.Equal(t, []string{"1", "2", "3", "4", "5", "6"}, texts(got))
		require.Equal(t, poller.Addr{}, got[0].Peer, "who a socket without a name is")
	}},

	{says: "Datagrams that nobody receives raise an event, then quiet", test: func(t *testing.T, l *Loop) {
		forEachKind(t, l, func(t *testing.T, place func() poller.Addr) {
			server, at := l.Packet(place(), poller.PacketOptions{})
			client, _ := l.Packet(place(), poller.PacketOptions{})
			l.Post(client, at, "x", "y")
			l.Await(server, poller.Readable)
			l.Settle()
			l.Sleeps()
		})
	}},

	{says: "A Send to a path without a socket is an error, and the next one goes", test: func(t *testing.T, l *Loop) {
		client, _ := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		server, at := l.Packet(poller.Addr{Path: UnixPath(t)}, poller.PacketOptions{})
		_, err := l.OS.Send(client, datagrams(poller.Addr{Path: UnixPath(t)}, "x"))
		require.ErrorIs(t, err, syscall.ENOENT)
		_, err = l.OS.Send(client, datagrams(poller.Addr{}, "x"))
		require.Error(t, err, "Send to nobody")
		require.False(t, errors.Is(err, poller.ErrWouldBlock), "Send to nobody")
		l.Post(client, at, "x")
		require.Equal(t, []string{"x"}, texts(l.Gather(server, 1)))
	}},
}
