package main

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/browsertest"
	"github.com/weft-go/weft/examples/internal/child"
)

// say types a text into the page and sends it, as a user does.
func say(p *browsertest.Page, text string) {
	p.Eval(`byId("text").value = `+text+`; byId("say").requestSubmit()`, nil)
}

func TestPageIsARoom(t *testing.T) {
	b := browsertest.Start(t)
	first := child.Command("-addr", "127.0.0.1:0")
	addr := startCommand(t, first)
	ann := b.Open("http://" + addr + "/?name=ann")
	ann.Shows("connected as ann; here: ann")
	bob := b.Open("http://" + addr + "/?name=bob")
	bob.Shows("connected as bob; here: ann, bob")
	ann.Shows("bob has joined")

	say(ann, `"<i>hello</i>"`)
	bob.Shows("ann: <i>hello</i>")
	say(bob, `"hello, ann"`)
	ann.Shows("bob: hello, ann")

	// The server goes down, and another one comes up in its place.
	require.NoError(t, first.Process.Signal(os.Interrupt))
	ann.Shows("not connected (1001 the server is going down)")
	require.NoError(t, first.Wait())
	second := child.Command("-addr", addr)
	require.Equal(t, addr, startCommand(t, second))
	for _, p := range []*browsertest.Page{ann, bob} {
		p.Shows("connected as ")
	}
	say(bob, `"are we back?"`)
	ann.Shows("bob: are we back?")
	require.NoError(t, second.Process.Signal(os.Interrupt))
	require.NoError(t, second.Wait())
}

func TestPageIsToldWhyItsNameIsRefused(t *testing.T) {
	b := browsertest.Start(t)
	addr, _ := child.Start(t)
	b.Open("http://" + addr + "/?name=no%20spaces").Shows("not connected (1008 a name consists of letters, digits, - and _)")
}

// The browser lets a page of another server talk to this one; it is ours to look
// where it comes from.
func TestPageOfAnotherOriginIsKeptOutOfTheRoom(t *testing.T) {
	b := browsertest.Start(t)
	addr, _ := child.Start(t)
	other, _ := child.Start(t)
	const echo = `new Promise((resolve) => {
		const s = new WebSocket("ws://%s/echo");
		s.binaryType = "arraybuffer";
		s.onopen = () => s.send(new Uint8Array(100000).fill(7));
		s.onmessage = (m) => { resolve(new Uint8Array(m.data).every((b) => b === 7) && m.data.byteLength); s.close(4000); };
		s.onerror = () => resolve(-1);
	})`
	const room = `new Promise((resolve) => {
		const s = new WebSocket("ws://%s/room?name=eve");
		s.onopen = () => resolve("in");
		s.onerror = () => resolve("refused");
	})`
	for origin, want := range map[string]string{addr: "in", other: "refused"} {
		p := b.Open("http://" + origin + "/?name=ann")
		p.Shows("connected as ann")
		var echoed int
		p.Eval(fmt.Sprintf(echo, addr), &echoed)
		require.Equal(t, 100_000, echoed, "bytes that a page of %s gets back from %s", origin, addr)
		var got string
		p.Eval(fmt.Sprintf(room, addr), &got)
		require.Equal(t, want, got, "a page of %s and the room of %s", origin, addr)
	}
}
