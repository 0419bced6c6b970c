package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func event(kind, channel, what string) string {
	return "*3\r\n" + bulk(kind) + bulk(channel) + what
}

func TestRedisSubscribersHearWhatIsPublished(t *testing.T) {
	addr, _ := child.Start(t)
	a, b, publisher := dial(t, addr), dial(t, addr), dial(t, addr)
	a.sends("SUBSCRIBE news sport news\r\n")
	a.hears(event("subscribe", "news", ":1\r\n") + event("subscribe", "sport", ":2\r\n") + event("subscribe", "news", ":2\r\n"))
	require.Equal(t, event("subscribe", "news", ":1\r\n"), b.asks("subscribe", "news"))

	require.Equal(t, ":2\r\n", publisher.asks("PUBLISH", "news", "one"))
	require.Equal(t, ":1\r\n", publisher.asks("PUBLISH", "sport", "two"))
	require.Equal(t, ":0\r\n", publisher.asks("PUBLISH", "other", "three"))
	a.hears(event("message", "news", bulk("one")) + event("message", "sport", bulk("two")))
	b.hears(event("message", "news", bulk("one")))

	t.Run("a subscriber may only subscribe, ping and quit", func(t *testing.T) {
		require.Equal(t, "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n", a.asks("GET", "x"))
		require.Equal(t, "*2\r\n"+bulk("pong")+bulk(""), a.asks("PING"))
		require.Equal(t, "*2\r\n"+bulk("pong")+bulk("hi"), a.asks("PING", "hi"))
	})
	t.Run("one that has unsubscribed is a client like others", func(t *testing.T) {
		require.Equal(t, event("unsubscribe", "nothing", ":2\r\n"), a.asks("UNSUBSCRIBE", "nothing"))
		a.sends("UNSUBSCRIBE\r\nUNSUBSCRIBE\r\nSET x 1\r\nGET x\r\nSUBSCRIBE sport\r\nPING\r\n")
		a.hears(event("unsubscribe", "news", ":1\r\n") + event("unsubscribe", "sport", ":0\r\n") +
			event("unsubscribe", "", ":0\r\n")[:len("*3\r\n$11\r\nunsubscribe\r\n")] + "$-1\r\n:0\r\n" +
			"+OK\r\n" + bulk("1") + event("subscribe", "sport", ":1\r\n") + "*2\r\n" + bulk("pong") + bulk(""))
	})
	t.Run("one that quits gets the rest, and is forgotten", func(t *testing.T) {
		require.Equal(t, ":1\r\n", publisher.asks("PUBLISH", "sport", "last"))
		a.sends("QUIT\r\nPING\r\n")
		a.hears(event("message", "sport", bulk("last")) + "+OK\r\n")
		a.hearsTheEnd()
		require.Equal(t, ":0\r\n", publisher.asks("PUBLISH", "sport", "nobody"))
	})
	t.Run("and so is one that goes, with a protocol error or without a word", func(t *testing.T) {
		b.sends("*1\r\n!\r\n")
		b.hears("-ERR Protocol error: expected '$', got '!'\r\n")
		b.hearsTheEnd()
		c := dial(t, addr)
		require.Equal(t, event("subscribe", "news", ":1\r\n"), c.asks("subscribe", "news"))
		require.NoError(t, c.CloseWrite())
		c.hearsTheEnd()
		require.Equal(t, ":0\r\n", publisher.asks("PUBLISH", "news", "nobody"))
	})
}

// A pipeline that subscribes hears everything that is published behind it.
func TestRedisSubscribeInAPipeline(t *testing.T) {
	addr, _ := child.Start(t)
	a, b := dial(t, addr), dial(t, addr)
	a.sends("SET x 1\r\nSUBSCRIBE c\r\nPING\r\nUNSUBSCRIBE c\r\nGET x\r\nQUIT\r\n")
	a.hears("+OK\r\n" + event("subscribe", "c", ":1\r\n") + "*2\r\n" + bulk("pong") + bulk("") + event("unsubscribe", "c", ":0\r\n") + bulk("1") + "+OK\r\n")
	a.hearsTheEnd()
	require.Equal(t, ":0\r\n", b.asks("PUBLISH", "c", "x"))
}
