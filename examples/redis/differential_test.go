package main

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// startRedisServer starts the real one on a free port, with nothing on a disk.
func startRedisServer(t *testing.T, prefix ...string) (addr string, cmd *exec.Cmd) {
	t.Helper()
	needs(t, "redis-server", "redis-server")
	// It cannot be asked for a free port: one is looked for, and if somebody else
	// is quicker, another one.
	for {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		addr = ln.Addr().String()
		require.NoError(t, ln.Close())
		_, port, _ := net.SplitHostPort(addr)
		args := append(slices.Clone(prefix), "redis-server", "--bind", "127.0.0.1", "--port", port,
			"--save", "", "--appendonly", "no", "--io-threads", "1", "--dir", t.TempDir())
		cmd = exec.Command(args[0], args[1:]...)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		ready := false
		for lines := bufio.NewScanner(out); !ready && lines.Scan(); {
			ready = strings.Contains(lines.Text(), "Ready to accept connections")
		}
		if !ready {
			_ = cmd.Wait()
			continue
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return addr, cmd
	}
}

// randomCommand is one of those that both servers have, often a right one.
func randomCommand(rng *rand.Rand) []string {
	one := func(of ...string) string { return of[rng.IntN(len(of))] }
	key := func() string { return one("a", "b", "c", "key:1", "key:2", "", "[x]", "sp ace") }
	value := func() string {
		return one("", "1", "10", "-5", "007", " 1", "1 ", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "text", "\x00\xff\r\n", strings.Repeat("v", 100))
	}
	text := func() string { return strings.ReplaceAll(value(), "\x00", "") } // C ends it there
	// No time to live ends during the test: the shortest one is 1000 s.
	number := func() string {
		return one("1000000", "100000000", "0", "-1", "x", "", "9223372036854775807", "-9223372036854775808", "9223372036854775", "1.5")
	}
	cased := func(s string) string { return one(s, strings.ToUpper(s), strings.ToUpper(s[:1])+s[1:]) }
	words := []string{cased(one("get", "get", "set", "set", "set", "set", "incr", "decr", "del", "exists", "expire", "pexpire", "ttl", "persist", "keys", "dbsize", "flushall", "echo", "ping", "select", "nonsense", "publish", "unsubscribe"))}
	switch strings.ToLower(words[0]) {
	case "set":
		words = append(words, key(), value())
		for range rng.IntN(4) {
			switch option := one("ex", "px", "nx", "xx", "get", "keepttl", "bad"); option {
			case "ex", "px":
				words = append(words, cased(option), number())
			default:
				words = append(words, cased(option))
			}
		}
	case "expire", "pexpire":
		words = append(words, key(), number())
	case "keys":
		words = append(words, one("*", "?", "[a-b]", "[^a]", "key:*", "\\[x\\]", "*e*", "a*", "[", "[]", "k*:[12]"))
	case "del", "exists":
		for range rng.IntN(4) {
			words = append(words, key())
		}
	case "get", "incr", "decr", "ttl", "persist":
		words = append(words, key())
	case "echo", "ping":
		words = append(words, value())
	case "publish":
		words = append(words, "channel", value())
	case "select":
		words = append(words, one("0", "x"))
	case "flushall":
		words = append(words, one("sync", "async", "bad"))
		if rng.IntN(4) > 0 {
			words = []string{"dbsize"} // or there would be nothing left most of the time
		}
	case "nonsense":
		words = append(words, text(), strings.Repeat("w", rng.IntN(200)), text())
	}
	switch rng.IntN(30) {
	case 0:
		words = words[:1]
	case 1:
		words = append(words, key(), key())
	}
	switch n := strings.ToLower(words[0]); {
	case strings.HasSuffix(n, "expire") && len(words) > 3:
		words = words[:3] // what follows is an option that is not here
	case n == "unsubscribe":
		words = words[:1] // it has an answer for each channel
	}
	return words
}

var elements = regexp.MustCompile(`(?s)\$\d+\r\n.*?\r\n`)

// comparable is an answer without what may differ: the order of keys, and what
// the clock says.
func comparable(words []string, answer string) string {
	switch strings.ToLower(words[0]) {
	case "keys":
		all := elements.FindAllString(answer, -1)
		slices.Sort(all)
		return strings.Join(all, "")
	case "ttl":
		if n, err := strconv.Atoi(strings.Trim(answer, ":\r\n")); err == nil && n > 0 {
			// The servers are asked one after the other, and some seconds of it may
			// be over: how many digits it has says which one it is.
			return fmt.Sprintf("%d digits", len(strconv.Itoa(n-1)))
		}
	}
	return answer
}

// The same commands to both servers have the same answers, errors included. They are
// drawn from the seed that simulations begin with; others are:
//
//	WEFT_SEED=2 go test ./examples/redis -run Answers
func TestRedisAnswersAsRedisServer(t *testing.T) {
	theirs, _ := startRedisServer(t)
	ours, _ := child.Start(t)
	a, b := dial(t, theirs), dial(t, ours)
	seed := flag.Lookup("weft.seed").Value.(flag.Getter).Get().(uint64)
	rng := rand.New(rand.NewPCG(seed, 0))
	const commands = 20_000
	for n := range commands {
		words := randomCommand(rng)
		want, got := a.asks(words...), b.asks(words...)
		require.Equal(t, comparable(words, want), comparable(words, got), "command %d of seed %d: %q", n, seed, words)
	}
}

// So do malformed ones, and the end of the connection.
func TestRedisRefusesAsRedisServer(t *testing.T) {
	theirs, _ := startRedisServer(t)
	ours, _ := child.Start(t)
	cases := []string{
		"*1\r\n$0\r\n\r\n", "*-5\r\nPING\r\n", "*0\r\nPING\r\n", "\r\n\n  \r\nPING\r\n", "*1\r\n$4\r\nPINGxxPING\r\n",
		"\"PI\\x4eG\"\r\n", "'PING' 'it\\'s'\r\n", "ECHO \"\\n\\a\\q\"\r\n", "ping\n", "SUBSCRIBE\r\n", "QUIT now\r\nPING\r\n",
		"SUBSCRIBE a b a\r\nPING\r\nPING x\r\nPING a b\r\nGET a\r\nHELLO\r\nUNSUBSCRIBE zz a b\r\nUNSUBSCRIBE\r\nGET a\r\nQUIT\r\n",
		"HELLO 4\r\nHELLO x\r\nHELLO 2 y\r\nCLIENT\r\nCLIENT nonsense\r\nCLIENT GETNAME\r\nCLIENT SETNAME \"a b\"\r\nCLIENT SETNAME me\r\nCLIENT GETNAME\r\n",
		"CONFIG\r\nCONFIG GET\r\nCONFIG GET save\r\nCONFIG GET appendonly\r\nCONFIG GET nothing\r\nCONFIG nonsense\r\nCOMMAND nonsense\r\nCOMMAND DOCS nothing\r\n",
		"COMMAND INFO nothing\r\n", "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a b\r\n", "host: x\r\nPING\r\n",
		"INFO nonsense\r\nINFO keyspace\r\nSELECT 99\r\n",
	}
	for name, e := range protocolErrors {
		if !strings.HasPrefix(name, "too many") && !strings.HasSuffix(name, "our own limit") {
			cases = append(cases, e.sent)
		}
	}
	everything := func(addr, sent string) string {
		w := dial(t, addr)
		w.sends(sent)
		require.NoError(t, w.CloseWrite())
		var all strings.Builder
		_, _ = w.in.WriteTo(&all) // up to the end, or a reset behind the answer
		return all.String()
	}
	for _, sent := range cases {
		require.Equal(t, everything(theirs, sent), everything(ours, sent), "after %.60q", sent)
	}
}
