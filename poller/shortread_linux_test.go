package poller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

// Two places where a read stops short although the stream holds more. Both are
// exceptions in the contract's rule on short reads.

func sendUrgent(t *testing.T, fd poller.FD, b string) {
	t.Helper()
	require.NoError(t, unix.Sendto(int(fd), []byte(b), unix.MSG_OOB, nil), "send out-of-band %q", b)
}

func TestUrgentMarkLosesNoByte(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("abc"))
		sendUrgent(t, client, "X")
		l.Send(client, []byte("def"))

		l.Await(server, poller.Readable)
		require.NotZero(t, l.Hints(server)&poller.Urgent, "out-of-band data has come: hints %v", l.Hints(server))
		// The quirk itself: a read ends at the mark.
		buf := make([]byte, 64)
		n, err := l.Read(server, buf)
		require.NoError(t, err)
		require.Equal(t, "abc", string(buf[:n]), "the read that meets the mark")
		// A reader that follows the contract goes on to ErrWouldBlock.
		require.Equal(t, "def", string(l.Receive(server, 3)), "behind the mark")
	})
}

func TestUrgentMarkAfterTheEventRaisesAnother(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("abc"))
		l.Await(server, poller.Readable) // without the hint
		sendUrgent(t, client, "X")
		l.Send(client, []byte("def"))
		require.Equal(t, "abcdef", string(l.Receive(server, 6)), "a reader that trusts the first short read")
	})
}

func TestLoneUrgentByteIsNotifiedThenQuiet(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Forget(server)
		sendUrgent(t, client, "X")
		l.Await(server, poller.Readable)
		l.Settle()
		l.Sleeps()
		// A reader that tries at every event comes to rest, too.
		for reads := 1; ; reads++ {
			_, err := l.Read(server, make([]byte, 8))
			require.Equal(t, poller.ErrWouldBlock, err, "Read with only an out-of-band byte there")
			if len(l.Turn(time.Millisecond)) == 0 {
				break
			}
			require.Less(t, reads, 10, "reads of a stream with only an out-of-band byte, one for each event")
		}
		l.Sleeps()
		l.Send(client, []byte("abc"))
		require.Equal(t, "abc", string(l.Receive(server, 3)), "the stream goes on")
	})
}

func TestPassedDescriptorEndsARead(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.PairAt(poller.Addr{Path: pollertest.UnixPath(t)}, poller.ListenOptions{})
		l.Settle()
		send := func(b string, rights []byte) {
			require.NoError(t, unix.Sendmsg(int(client), []byte(b), rights, nil, 0), "sendmsg %q", b)
		}
		send("abc", nil)
		send("def", unix.UnixRights(0)) // a plain read drops the descriptor
		send("ghi", nil)

		l.Await(server, poller.Readable)
		buf := make([]byte, 64)
		n, err := l.Read(server, buf)
		require.NoError(t, err)
		require.Less(t, n, 9, "a read stops at the boundary of SCM_RIGHTS")
		require.Zero(t, l.Hints(server), "no hint tells of it, so the contract leaves Unix sockets out")
		// So a reader of a Unix socket goes on up to ErrWouldBlock.
		got := string(buf[:n])
		for {
			n, err := l.Read(server, buf)
			if err == poller.ErrWouldBlock {
				break
			}
			require.NoError(t, err)
			got += string(buf[:n])
		}
		require.Equal(t, "abcdefghi", got)
	})
}

// A caller's own system call, here read(2), is not seen by the poll backend.
func TestRearmTellsOfACallOutsideSockets(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		client, server := l.Pair()
		l.Await(server, poller.Writable)
		for range 5 {
			l.Send(client, []byte("abc"))
			l.Await(server, poller.Readable)
			buf := make([]byte, 8)
			n, err := unix.Read(int(server), buf)
			require.NoError(t, err)
			require.Equal(t, "abc", string(buf[:n]))
			_, err = unix.Read(int(server), buf)
			require.Equal(t, unix.EAGAIN, err)
			l.Rearm(server, poller.Readable)
			l.Turn(time.Millisecond)
			l.Forget(server)
		}
	})
}

func TestPipesAreServedAsWell(t *testing.T) {
	onEveryBackend(t, func(t *testing.T, l *pollertest.Loop) {
		var p [2]int
		require.NoError(t, unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
		r, w := l.Own(poller.FD(p[0])), l.Own(poller.FD(p[1]))
		l.Register(r)
		l.Register(w)
		l.Await(w, poller.Writable)
		l.Send(w, []byte("abc"))
		require.Equal(t, "abc", string(l.Receive(r, 3)))
		n := l.Fill(w)
		l.MakeRoom(w, r)
		require.Positive(t, n)
		l.Fill(w)
		require.NoError(t, l.CloseFD(r))
		l.Await(w, poller.Writable)
		_, err := l.Write(w, []byte("x"))
		require.ErrorIs(t, err, unix.EPIPE, "Write to a pipe without a reader")
		l.Settle()
		l.Sleeps()
	})
}
