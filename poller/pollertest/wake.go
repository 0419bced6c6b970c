package pollertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
)

var wake = []sentence{
	{says: "Wake makes the next Wait return", test: func(t *testing.T, l *Loop) {
		for range 100 {
			require.NoError(t, l.Wake())
			require.Empty(t, l.Turn(-1), "a wake-up is no event")
		}
	}},

	{says: "A wake-up between two Waits is not lost", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Send(client, []byte("x"))
		l.Await(server, poller.Readable) // a Wait that returned for another reason
		require.NoError(t, l.Wake())
		l.Turn(-1)
	}},

	{says: "A wake-up with events does not hide them", test: func(t *testing.T, l *Loop) {
		client, server := l.Pair()
		l.Settle()
		l.Forget(server)
		l.Send(client, []byte("x"))
		require.NoError(t, l.Wake())
		l.Await(server, poller.Readable)
	}},

	{says: "A wake-up in a full batch is not lost", config: poller.Config{EventsPerWait: 1}, test: func(t *testing.T, l *Loop) {
		for range 3 {
			l.Pair() // six descriptors that are writable
		}
		require.NoError(t, l.Wake())
		l.Settle()
		require.NoError(t, l.Wake(), "a second one, after the first was seen")
		l.Turn(-1)
	}},

	{says: "Many wake-ups before a Wait are one", test: func(t *testing.T, l *Loop) {
		for range 1000 {
			require.NoError(t, l.Wake())
		}
		l.Turn(-1)
		l.Sleeps()
	}},

	{says: "Wake after Close does nothing", test: func(t *testing.T, l *Loop) {
		require.NoError(t, l.Close())
		require.NoError(t, l.Wake(), "Wake after Close")
		require.NoError(t, l.Wake(), "Wake after Close, once more")
	}},
}
