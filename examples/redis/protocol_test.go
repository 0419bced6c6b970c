package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// The texts are those of redis-server 7.0.15; TestRedisAnswersAsRedisServer
// compares many more.
var protocolErrors = map[string]struct{ sent, heard string }{
	"a count that is no number":      {"*a\r\n", "invalid multibulk length"},
	"a count with a plus":            {"*+1\r\n", "invalid multibulk length"},
	"a count with a zero in front":   {"*01\r\n", "invalid multibulk length"},
	"no count":                       {"*\r\n", "invalid multibulk length"},
	"too many arguments":             {"*1048577\r\n", "invalid multibulk length"},
	"far too many arguments":         {"*99999999999999999999\r\n", "invalid multibulk length"},
	"a count that does not end":      {"*" + strings.Repeat("1", maxInline+1), "too big mbulk count string"},
	"an argument that is an integer": {"*1\r\n:1\r\n", "expected '$', got ':'"},
	"an argument without a length":   {"*1\r\nPING\r\n", "expected '$', got 'P'"},
	"an argument that is no line":    {"*1\r\n\r\n", "expected '$', got ' '"},
	"no length":                      {"*1\r\n$\r\n", "invalid bulk length"},
	"a length that is no number":     {"*1\r\n$a\r\n", "invalid bulk length"},
	"a negative length":              {"*1\r\n$-1\r\n", "invalid bulk length"},
	"a length over that of Redis":    {"*1\r\n$536870913\r\n", "invalid bulk length"},
	"a length over our own limit":    {"*1\r\n$16777217\r\n", "bulk length 16777217 is over the limit of 16777216 bytes"},
	"a length that does not end":     {"*1\r\n$" + strings.Repeat("1", maxInline+1), "too big bulk count string"},
	"a line that does not end":       {strings.Repeat("x", maxInline+1), "too big inline request"},
	"a quote that does not end":      {"SET a \"b\r\n", "unbalanced quotes in request"},
	"something behind a quote":       {"SET a 'b'c\r\n", "unbalanced quotes in request"},
}

func TestRedisProtocolErrorCostsOneConnection(t *testing.T) {
	addr, _ := child.Start(t)
	other := dial(t, addr)
	require.Equal(t, "+OK\r\n", other.asks("SET", "a", "1"))
	for name, e := range protocolErrors {
		t.Run(name, func(t *testing.T) {
			w := dial(t, addr)
			// What comes before is answered, and what comes behind is not: one
			// connection, however much it goes on to send.
			w.sends("PING\r\n" + e.sent)
			_, _ = io.WriteString(w, strings.Repeat(request("SET", "a", "2"), 1000))
			w.hears("+PONG\r\n-ERR Protocol error: " + e.heard + "\r\n")
			w.hearsTheEnd()
			require.Equal(t, bulk("1"), (&wire{other.TCPConn, t, other.in}).asks("GET", "a"))
		})
	}
}

func TestRedisRequestOverTheLimitIsRefused(t *testing.T) {
	addr, _ := child.Start(t, "-max-bulk", "1024")
	w := dial(t, addr)
	most := strings.Repeat("v", 1024)
	require.Equal(t, "+OK\r\n", w.asks("SET", "a", most))
	require.Equal(t, bulk(most), w.asks("GET", "a"))
	w.sends(request("DEL", most, most, most) + request("DEL", most, most, most, most))
	w.hears(":0\r\n-ERR Protocol error: the request is over the limit of 4096 bytes\r\n")
	w.hearsTheEnd()
}

func TestRedisTakesRequestsInPieces(t *testing.T) {
	addr, _ := child.Start(t)
	stream := request("SET", "key", "value\r\n$1\r\n*2\r\n") + "GET key\r\n\r\n" + request("DEL", "key", "other") + "*0\r\n" + "ping \"a b\"\n" + request("ECHO", "")
	want := "+OK\r\n" + bulk("value\r\n$1\r\n*2\r\n") + ":1\r\n" + bulk("a b") + bulk("")
	for size := 1; size < len(stream); size += 1 + size/4 {
		w := dial(t, addr)
		for rest := stream; rest != ""; rest = rest[min(size, len(rest)):] {
			w.sends(rest[:min(size, len(rest))])
		}
		w.hears(want)
		require.NoError(t, w.CloseWrite())
		w.hearsTheEnd()
	}
}

func TestRedisTakesPipelines(t *testing.T) {
	addr, _ := child.Start(t)
	w := dial(t, addr)
	const commands = 10_000
	var sent, want strings.Builder
	for n := range commands {
		sent.WriteString(request("INCR", "counter"))
		fmt.Fprintf(&want, ":%d\r\n", n+1)
	}
	w.sends(sent.String()) // nothing is read before all is sent
	w.hears(want.String())
}

func TestRedisTakesValuesOfEverySize(t *testing.T) {
	addr, _ := child.Start(t)
	w := dial(t, addr)
	for size := 1; size <= defaultMaxBulk; size *= 32 {
		for _, n := range []int{size - 1, size} {
			value := strings.Repeat("0123456789abcdef", n/16+1)[:n]
			go func() { _, _ = io.WriteString(w, request("SET", "v", value)+request("GET", "v")) }()
			w.hears("+OK\r\n" + bulk(value))
		}
	}
	require.Equal(t, "+OK\r\n", w.asks("SET", "v", "small again"))
	require.Equal(t, bulk("small again"), w.asks("GET", "v"))
}

func TestRedisTakesNoMoreClientsThanItMay(t *testing.T) {
	addr, _ := child.Start(t, "-max-clients", "2")
	a, b := dial(t, addr), dial(t, addr)
	require.Equal(t, "+PONG\r\n", a.asks("PING"))
	require.Equal(t, "+PONG\r\n", b.asks("PING"))
	c := dial(t, addr)
	c.hears("-ERR max number of clients reached\r\n")
	c.hearsTheEnd()
	require.Equal(t, "+OK\r\n", b.asks("QUIT"))
	b.hearsTheEnd()
	require.NoError(t, b.Close())
	for { // until the server has seen that
		d := dial(t, addr)
		d.sends("PING\r\n")
		if answer, err := d.in.ReadString('\n'); err == nil && answer == "+PONG\r\n" {
			return
		}
	}
}
