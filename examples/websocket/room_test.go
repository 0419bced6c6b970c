package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// enter connects, and is in the room when it returns.
func enter(t *testing.T, addr, name string) *client {
	t.Helper()
	c := dial(t, addr, "/room?name="+name)
	require.Equal(t, name, c.hears("hello").Name)
	return c
}

func TestRoomTellsEveryone(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	bob := dial(t, addr, "/room?name=bob")
	require.Equal(t, event{Kind: "hello", Name: "bob", Here: []string{"ann", "bob"}}, bob.event())
	require.Equal(t, event{Kind: "joined", Name: "bob"}, ann.event())

	ann.send(ws.OpText, true, `<b>"hello"</b>`)
	for _, c := range []*client{ann, bob} {
		require.Equal(t, event{Kind: "said", Name: "ann", Text: `<b>"hello"</b>`, Number: 1}, c.event())
	}
	bob.send(ws.OpText, false, "in ")
	bob.send(ws.OpContinuation, true, "parts")
	for _, c := range []*client{ann, bob} {
		require.Equal(t, event{Kind: "said", Name: "bob", Text: "in parts", Number: 2}, c.event())
	}

	bob.send(ws.OpClose, true, "\x03\xe8")
	bob.gets(ws.OpClose, "\x03\xe8")
	bob.ends()
	require.Equal(t, event{Kind: "left", Name: "bob"}, ann.event())
	cut := enter(t, addr, "cut")
	ann.hears("joined")
	require.NoError(t, cut.SetLinger(0))
	require.NoError(t, cut.Close())
	require.Equal(t, event{Kind: "left", Name: "cut"}, ann.event())
}

func TestRoomNames(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	t.Run("one that is taken gets a number", func(t *testing.T) {
		second := dial(t, addr, "/room?name=ann")
		require.Equal(t, event{Kind: "hello", Name: "ann-2", Here: []string{"ann", "ann-2"}}, second.event())
		third := dial(t, addr, "/room?name=ann")
		require.Equal(t, "ann-3", third.hears("hello").Name)
	})
	t.Run("letters and digits of any language", func(t *testing.T) {
		require.Equal(t, "Zoë_七-1", dial(t, addr, "/room?name=Zo%C3%AB_%E4%B8%83-1").hears("hello").Name)
	})
	for name, query := range map[string]string{
		"none": "", "a space": "?name=a%20b", "markup": "?name=%3Cb%3E", "not UTF-8": "?name=%ff",
		"too long": "?name=" + strings.Repeat("x", maxName+1),
	} {
		t.Run(name+" is refused, and says why", func(t *testing.T) {
			require.Regexp(t, "^a name ", dial(t, addr, "/room"+query).closedWith(ws.StatusPolicyViolation))
		})
	}
	ann.send(ws.OpText, true, "who is here?")
	for e := ann.event(); e.Kind != "said"; e = ann.event() {
		require.NotEmpty(t, e.Name, "nobody without a name has come or gone: %+v", e)
	}
}

func TestRoomTellsNewcomersTheHistory(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	for n := range historyKept + 5 {
		ann.send(ws.OpText, true, fmt.Sprint("line ", n+1))
		ann.hears("said")
	}
	bob := enter(t, addr, "bob")
	for n := 5; n < historyKept+5; n++ {
		require.Equal(t, event{Kind: "said", Name: "ann", Text: fmt.Sprint("line ", n+1), Number: n + 1}, bob.event())
	}
	ann.hears("joined")
	ann.send(ws.OpText, true, "news")
	require.Equal(t, historyKept+6, bob.hears("said").Number)
}

// The slow member's socket is full, and thousands of messages come. Whoever reads
// gets them as ever; the slow one, once it reads, gets some, is told how many it
// has missed, and gets the last ones.
func TestRoomTellsWhoLagsWhatItMissed(t *testing.T) {
	addr, _ := child.Start(t)
	slow := enter(t, addr, "slow")
	ann := enter(t, addr, "ann")
	text := strings.Repeat("x", maxText)
	const messages = 4000 // 16 MB: more than the kernel holds for a connection
	for n := range messages {
		ann.send(ws.OpText, true, text)
		require.Equal(t, n+1, ann.hears("said").Number)
	}
	lost, last := 0, 0
	for slow.hears("joined"); last < messages; {
		switch e := slow.event(); e.Kind {
		case "said":
			last++
			require.Equal(t, last, e.Number)
		case "lagged":
			lost += int(e.Lost)
			last += int(e.Lost)
		default:
			t.Fatalf("got %+v", e)
		}
	}
	require.Positive(t, lost)
}
