package pollertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var wait = []sentence{
	{says: "Wait returns no earlier than its timeout", test: func(t *testing.T, l *Loop) {
		for _, timeout := range []time.Duration{1, time.Microsecond, 50 * time.Microsecond, 999 * time.Microsecond,
			time.Millisecond, time.Millisecond + 1, 1500 * time.Microsecond, 5 * time.Millisecond} {
			const rounds = 8
			early := 0
			for range rounds {
				begin := l.Now()
				events := l.Turn(timeout)
				require.Empty(t, events, "Wait(%v) with nothing registered: events", timeout)
				if l.Now()-begin < timeout {
					early++
				}
			}
			// A signal may end a Wait (Go's runtime sends some), but not most.
			require.LessOrEqual(t, early, rounds/4, "Wait(%v), %d times: returns before the time had passed", timeout, rounds)
		}
	}},

	{says: "A timeout of zero only looks", test: func(t *testing.T, l *Loop) {
		require.Empty(t, l.Turn(0), "Wait(0) with nothing registered: events")
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("x"))
		l.Await(server, poller.Readable)
		const looks = 20
		said := 0
		for range looks {
			said += len(l.Turn(0))
		}
		require.Less(t, said, looks, "Wait(0) with nothing new, %d times: events, of which a few may be spurious", looks)
	}},

	{says: "A negative timeout is no timeout", test: func(t *testing.T, l *Loop) {
		require.NoError(t, l.Wake())
		require.Empty(t, l.Turn(-1), "Wait(-1) after Wake: events")
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("x"))
		for l.seen[l.tokens[server]]&poller.Readable == 0 {
			l.Turn(-time.Hour) // it returns, or the test hangs
		}
		l.Receive(server, 1)
	}},

	{says: "A timeout of years is taken", test: func(t *testing.T, l *Loop) {
		require.NoError(t, l.Wake())
		require.Empty(t, l.Turn(1<<63-1), "Wait(292 years) after Wake: events")
	}},

	{says: "Wait fills the slice it is given and no more", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		for _, fd := range []poller.FD{client, server} { // both are writable, and nobody has been told
			require.NoError(t, l.Remove(fd))
			l.Register(fd)
		}
		seen := map[poller.Token]bool{}
		one := make([]poller.Event, 1)
		for range 20 {
			n, err := l.Wait(one, time.Millisecond)
			require.NoError(t, err, "Wait with room for one event")
			if n > 0 {
				seen[one[0].Token] = true
			}
		}
		for _, token := range l.tokens {
			seen[token] = seen[token] || l.seen[token] != 0
			require.True(t, seen[token], "two descriptors are writable, with room for one event: %v was not reported", token)
		}
	}},
}

var clock = []sentence{
	{says: "Now is the time since Epoch", test: func(t *testing.T, l *Loop) {
		require.GreaterOrEqual(t, l.Now(), time.Duration(0), "Now")
		before := l.Now()
		l.Sleeps()
		require.Greater(t, l.Now(), before, "Now after a while in Wait")
		require.False(t, l.Epoch().IsZero(), "Epoch is zero")
		require.Equal(t, l.Epoch(), l.Epoch(), "Epoch, asked twice")
	}},

	{says: "Epoch places any time.Time on the clock", test: func(t *testing.T, l *Loop) {
		at := l.Epoch().Add(l.Now())
		require.LessOrEqual(t, at.Sub(l.Epoch()), l.Now(), "now, as a time.Time and back")
		require.Positive(t, at.Add(time.Hour).Sub(l.Epoch())-l.Now(), "an hour from now lies ahead")
	}},

	{says: "The clock never goes back", test: func(t *testing.T, l *Loop) {
		last := l.Now()
		for range 10_000 {
			now := l.Now()
			require.GreaterOrEqual(t, now, last, "Now")
			last = now
		}
	}},
}
