package pollertest

import (
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var registration = []sentence{
	{says: "A registration is for both directions", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Await(server, poller.Writable)
		l.Send(client, []byte("x"))
		l.Await(server, poller.Readable)
	}},

	{says: "A registration lasts until the descriptor is removed or closed", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for range 50 {
			l.Send(client, []byte("ping"))
			l.Receive(server, 4)
			l.Send(server, []byte("pong"))
			l.Receive(client, 4)
		}
		l.Fill(client)
		for range 3 {
			l.MakeRoom(client, server)
			l.Fill(client)
		}
	}},

	{says: "Events carry the token of Add", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		want := l.tokens[server]
		l.Settle()
		l.Send(client, []byte("x"))
		for _, e := range l.Events() {
			if e.Token != l.tokens[client] { // of which a spurious event may tell
				require.Equal(t, want, e.Token, "one byte sent to the only reader: token of the event %v", e.Ready)
			}
		}
		l.Await(server, poller.Readable)
	}},

	{says: "A token of any slot and generation travels unchanged", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.Remove(client))
		for _, token := range []poller.Token{0, 1, poller.NewToken(1<<31, 1<<31), poller.NewToken(1<<32-1, 0),
			poller.NewToken(0, 1<<32-1), poller.NewToken(1<<32-1, 1<<32-2)} {
			require.NoError(t, l.Remove(server))
			require.NoError(t, l.Add(server, token))
			events := l.Events() // writable, from the start
			require.Equal(t, token, events[0].Token, "token of the event")
		}
	}},

	{says: "A descriptor that is registered already is EEXIST", test: func(t *testing.T, l *Loop) {
		_, server := l.Pair()
		err := l.Add(server, poller.NewToken(9, 9))
		require.ErrorIs(t, err, syscall.EEXIST, "second Add")
		require.ErrorAs(t, err, new(*os.SyscallError), "second Add")
	}},

	{says: "A descriptor that is not open is EBADF", test: func(t *testing.T, l *Loop) {
		err := l.Add(poller.NoFD, poller.NewToken(9, 9))
		require.ErrorIs(t, err, syscall.EBADF, "Add of no descriptor")
		require.ErrorAs(t, err, new(*os.SyscallError), "Add of no descriptor")
	}},

	{says: "Remove of a descriptor that is not registered is ENOENT", test: func(t *testing.T, l *Loop) {
		_, server := l.Pair()
		require.NoError(t, l.Remove(server), "first Remove")
		err := l.Remove(server)
		require.ErrorIs(t, err, syscall.ENOENT, "second Remove")
		require.ErrorAs(t, err, new(*os.SyscallError), "second Remove")
	}},

	{says: "No event comes for a descriptor after Remove returned, which stays open", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		token := l.tokens[server]
		require.NoError(t, l.Remove(server))
		l.Forget(server)
		l.Send(client, []byte("x"))
		l.Settle()
		require.Zero(t, l.seen[token], "a byte sent to a removed descriptor: events")

		l.Register(server)
		l.Await(server, poller.Readable)
		require.Equal(t, "x", string(l.Receive(server, 1)), "read after Remove and Add")
	}},

	{says: "No event comes for a descriptor after CloseFD returned", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		token := l.tokens[server]
		l.Send(client, []byte("x")) // an event is on its way
		require.NoError(t, l.CloseFD(server))
		for range 5 {
			l.Turn(time.Millisecond)
		}
		require.Zero(t, l.seen[token], "events of a closed descriptor")
	}},

	{says: "No event comes for a descriptor after Abort returned", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		token := l.tokens[server]
		l.Send(client, []byte("x"))
		require.NoError(t, l.Abort(server))
		for range 5 {
			l.Turn(time.Millisecond)
		}
		require.Zero(t, l.seen[token], "events of an aborted descriptor")
	}},

	{says: "The token's generation tells a stale event of a batch from events of the number's next owner", test: func(t *testing.T, l *Loop) {
		listener, at := l.Server(Loopback, poller.ListenOptions{})
		dial := func() (client, server poller.FD) {
			client, err := l.Dial(at, poller.SocketOptions{})
			require.NoError(t, err)
			server, _ = l.AcceptOne(listener)
			return client, server
		}
		a, a2 := dial()
		b, b2 := dial()
		l.Settle()
		l.Send(a, []byte("a"))
		l.Send(b, []byte("b"))
		batch := append([]poller.Event(nil), l.Events()...)

		// The handler of the first event closes both; the numbers are given
		// to others while the second event is still to be handled.
		old := map[poller.Token]bool{l.tokens[a2]: true, l.tokens[b2]: true}
		others := []poller.Token{l.tokens[a], l.tokens[b], l.tokens[listener]} // of spurious events
		require.NoError(t, l.CloseFD(a2))
		require.NoError(t, l.CloseFD(b2))
		c, c2 := dial()
		d, d2 := dial()
		for _, e := range batch {
			require.True(t, old[e.Token] || slices.Contains(others, e.Token), "a stale event carries the old token, got %v", e.Token)
			require.NotContains(t, []poller.Token{l.tokens[c], l.tokens[c2], l.tokens[d], l.tokens[d2]}, e.Token,
				"a stale event names a new owner")
		}
		clear(l.seen)
		l.Send(c, []byte("c"))
		l.Send(d, []byte("d"))
		require.Equal(t, "c", string(l.Receive(c2, 1)), "the new owner's bytes")
		require.Equal(t, "d", string(l.Receive(d2, 1)), "the new owner's bytes")
		for token := range old {
			require.Zero(t, l.seen[token], "events under a closed descriptor's token")
		}
	}},

	{says: "Rearm of what is not registered does nothing", test: func(t *testing.T, l *Loop) {
		l.Rearm(poller.NoFD, poller.Readable|poller.Writable)
		l.Sleeps()
	}},

	{says: "Close leaves the added descriptors open", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		require.NoError(t, l.Close())
		_, err := l.Write(client, []byte("x"))
		require.NoError(t, err, "Write after the poller's Close")
		_, err = l.PeerAddr(server)
		require.NoError(t, err, "PeerAddr after the poller's Close")
	}},

	{says: "A second Close does nothing", test: func(t *testing.T, l *Loop) {
		require.NoError(t, l.Close(), "first Close")
		require.NoError(t, l.Close(), "second Close")
	}},
}
