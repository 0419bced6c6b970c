package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

// guest is a test's end of a connection, a line at a time.
type guest struct {
	*net.TCPConn
	t     *testing.T
	lines *bufio.Reader
}

// visit connects without a nick.
func visit(t *testing.T, addr string) *guest {
	c := child.Dial(t, addr)
	g := &guest{c, t, bufio.NewReader(c)}
	g.hears("* welcome; what is your nick?")
	return g
}

// enter connects, and is in the room when it returns.
func enter(t *testing.T, addr, nick string) *guest {
	g := visit(t, addr)
	g.says(nick)
	require.Regexp(t, "^\\* hello, "+nick+"; here: .*"+nick, g.line())
	return g
}

func (g *guest) says(line string) {
	_, err := io.WriteString(g, line+"\n")
	require.NoError(g.t, err, "saying %.40q", line)
}

func (g *guest) line() string {
	g.t.Helper()
	line, err := g.lines.ReadString('\n')
	require.NoError(g.t, err, "after %q", line)
	return strings.TrimSuffix(line, "\n")
}

func (g *guest) hears(want string) {
	g.t.Helper()
	require.Equal(g.t, want, g.line())
}

func (g *guest) hearsTheEnd() {
	g.t.Helper()
	rest, err := io.ReadAll(g.lines)
	require.NoError(g.t, err)
	require.Empty(g.t, string(rest), "before the end of the connection")
}

func TestChatTellsEveryoneElse(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	bob := enter(t, addr, "bob")
	ann.hears("* bob has joined")
	cat := enter(t, addr, "cat")
	ann.hears("* cat has joined")
	bob.hears("* cat has joined")

	ann.says("hello, all")
	bob.hears("<ann> hello, all")
	cat.hears("<ann> hello, all")
	bob.says("hello, ann\r") // as telnet ends a line
	ann.hears("<bob> hello, ann")
	cat.hears("<bob> hello, ann")

	cat.says("/quit")
	cat.hears("* goodbye")
	cat.hearsTheEnd()
	ann.hears("* cat has left")
	bob.hears("* cat has left")

	require.NoError(t, bob.CloseWrite())
	bob.hearsTheEnd()
	ann.hears("* bob has left")
}

func TestChatNicks(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	bob := visit(t, addr)

	bob.says("Ann")
	bob.hears("* the nick Ann is taken; what is your nick?")
	bob.says("no spaces")
	bob.hears("* a nick consists of letters, digits, - and _; what is your nick?")
	bob.says(strings.Repeat("b", maxNick+1))
	bob.hears(fmt.Sprintf("* a nick has 1 to %d letters; what is your nick?", maxNick))
	bob.says("")
	bob.says("Böb_2")
	bob.hears("* hello, Böb_2; here: Böb_2, ann")
	ann.hears("* Böb_2 has joined")

	bob.says("/nick ann")
	bob.hears("* the nick ann is taken")
	bob.says("/nick bob")
	bob.hears("* Böb_2 is now bob")
	ann.hears("* Böb_2 is now bob")
	ann.says("/who")
	ann.hears("* here: ann, bob")
	ann.says("/dance")
	ann.hears("* no such command; there are /nick NAME, /who and /quit")
}

func TestChatSaysNothingOfThoseWithoutANick(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	nobody := visit(t, addr)
	ann.says("is there anybody?")
	nobody.says("/quit")
	nobody.hears("* goodbye")
	nobody.hearsTheEnd()
	ann.says("/who")
	ann.hears("* here: ann")
}

func TestChatRefusesLines(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	bob := enter(t, addr, "bob")
	ann.hears("* bob has joined")

	longest := strings.Repeat("x", maxLine)
	bob.says(longest)
	ann.hears("<bob> " + longest)
	bob.says(longest + "\r")
	ann.hears("<bob> " + longest)
	for _, bad := range []struct{ line, answer string }{
		{longest + "x", "* line refused: over 1024 bytes"},
		{longest + longest + longest, "* line refused: over 1024 bytes"},
		{"caf\xe9", "* line refused: not valid UTF-8"},
		{"\xf0\x9f\x98", "* line refused: not valid UTF-8"},
		{"\x1b[2J", "* line refused: control characters"},
		{"a\x00b", "* line refused: control characters"},
	} {
		bob.says(bad.line)
		bob.hears(bad.answer)
	}
	bob.says("still here, with a\ttab and ünïcödé ☕")
	ann.hears("<bob> still here, with a\ttab and ünïcödé ☕")
}

func TestChatLineBroughtInPieces(t *testing.T) {
	addr, _ := child.Start(t)
	ann := enter(t, addr, "ann")
	bob := enter(t, addr, "bob")
	ann.hears("* bob has joined")
	for _, piece := range []string{"on", "e\ntw", "o\n\n", "three\nlast without an end"} {
		_, err := io.WriteString(bob, piece)
		require.NoError(t, err)
	}
	require.NoError(t, bob.CloseWrite())
	for _, want := range []string{"one", "two", "three", "last without an end"} {
		ann.hears("<bob> " + want)
	}
	ann.hears("* bob has left")
}

// The talker is never stopped by a guest that does not read, and the guest that
// does not read is dropped once its outbox and the kernel's buffers are full.
func TestChatDropsASlowReader(t *testing.T) {
	addr, _ := child.Start(t)
	talker := enter(t, addr, "talker")
	listener := enter(t, addr, "listener")
	talker.hears("* listener has joined")
	enter(t, addr, "slow")
	talker.hears("* slow has joined")
	listener.hears("* slow has joined")

	line := strings.Repeat("z", maxLine)
	// The listener is not to be taken for a slow reader, however late it has its turn:
	// of what it has not read there is never more than its outbox has room for.
	unread := make(chan struct{}, maxOutbox/2)
	dropped := make(chan struct{})
	talked := make(chan error, 1)
	go func() {
		for range 256 << 10 { // 256 MiB: more than all buffers on the way hold
			select {
			case <-dropped:
				talked <- nil
				return
			case unread <- struct{}{}:
			}
			if _, err := io.WriteString(talker, line+"\n"); err != nil {
				talked <- err
				return
			}
		}
		talked <- fmt.Errorf("said 256 MiB, and the slow reader was not dropped")
	}()
	const notice = "* slow was dropped: did not read fast enough"
	for heard := listener.line(); heard != notice; heard = listener.line() {
		require.Equal(t, "<talker> "+line, heard)
		<-unread
	}
	close(dropped)
	talker.hears(notice)
	go func() { _, _ = io.Copy(io.Discard, listener.lines) }() // or it would be the next one
	require.NoError(t, <-talked)
}

func TestChatEndsWellOnASignal(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			cmd := child.Command("-addr", "127.0.0.1:0")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			stdout, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			first, err := bufio.NewReader(stdout).ReadString('\n')
			require.NoError(t, err)
			addr := strings.TrimSpace(strings.TrimPrefix(first, "listening on "))
			ann := enter(t, addr, "ann")
			bob := enter(t, addr, "bob")
			ann.hears("* bob has joined")
			ann.says("/who") // an answer: what was said before has been taken
			ann.hears("* here: ann, bob")

			require.NoError(t, cmd.Process.Signal(sig))
			for _, g := range []*guest{ann, bob} {
				g.hears("* the server is going down, goodbye")
				g.hearsTheEnd()
			}
			require.NoError(t, cmd.Wait(), "it said: %s", &stderr)
			require.Empty(t, child.WithoutStalls(stderr.String()))
			_, err = net.Dial("tcp", addr)
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
		})
	}
}

func TestChatRefusesBadArguments(t *testing.T) { child.RefusesBadArguments(t) }
