package main

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

// stuck is when a test gives up. Nothing in it is meant to take any time.
const stuck = time.Minute

// wire is a test's end of a connection, byte by byte.
type wire struct {
	*net.TCPConn
	t  *testing.T
	in *bufio.Reader
}

func dial(t *testing.T, addr string) *wire {
	c := child.Dial(t, addr)
	require.NoError(t, c.SetDeadline(time.Now().Add(stuck)))
	return &wire{c, t, bufio.NewReader(c)}
}

func (w *wire) sends(text string) {
	w.t.Helper()
	_, err := io.WriteString(w, text)
	require.NoError(w.t, err, "sending %.60q", text)
}

// hears reads as much as it wants, and no more.
func (w *wire) hears(want string) {
	w.t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(w.in, got)
	require.Equal(w.t, short(want), short(string(got[:n])), "and then %v", err)
	require.True(w.t, want == string(got[:n]), "the middle of a long answer differs")
}

func (w *wire) hearsTheEnd() {
	w.t.Helper()
	rest, err := io.ReadAll(w.in)
	require.NoError(w.t, err, "want the end of the connection, without a reset")
	require.Empty(w.t, string(rest), "before the end of the connection")
}

// asks sends a command as clients do, and reads the answer.
func (w *wire) asks(words ...string) (answer string) {
	w.t.Helper()
	w.sends(request(words...))
	answer, err := readAnswer(w.in)
	require.NoError(w.t, err, "the answer to %.60q", words)
	return answer
}

// readAnswer reads one answer, whatever it is, with its ends of lines.
func readAnswer(in *bufio.Reader) (string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return line, err
	}
	n, _ := parseInt([]byte(strings.TrimSpace(line[1:])))
	switch {
	case line[0] == '$' && n >= 0:
		rest := make([]byte, n+2)
		_, err = io.ReadFull(in, rest)
		line += string(rest)
	case line[0] == '*':
		for ; n > 0 && err == nil; n-- {
			var element string
			element, err = readAnswer(in)
			line += element
		}
	}
	return line, err
}

// request is a command in RESP.
func request(words ...string) string {
	var r reply
	r.array(len(words))
	for _, w := range words {
		r.bulkString(w)
	}
	return string(r)
}

// bulk is an answer with a value.
func bulk(value string) string {
	var r reply
	r.bulkString(value)
	return string(r)
}

func short(s string) string {
	if len(s) > 400 {
		return s[:200] + "..." + s[len(s)-200:]
	}
	return s
}

func TestRedisRefusesBadArguments(t *testing.T) {
	child.RefusesBadArguments(t)
	for _, args := range [][]string{{"-max-bulk", "1"}, {"-max-bulk", "536870913"}, {"-max-clients", "0"}} {
		out, err := child.Command(args...).CombinedOutput()
		require.Error(t, err, "%s", out)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "lines after %q: %s", args, out)
	}
}
