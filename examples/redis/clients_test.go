package main

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// needs skips a test where a program is missing.
func needs(t *testing.T, program, pkg string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed: apt-get install %s", program, pkg)
	}
}

// redisCLI is redis-cli, talking to addr.
func redisCLI(t *testing.T, addr string, args ...string) *exec.Cmd {
	needs(t, "redis-cli", "redis-tools")
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	return exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, args...)...)
}

// lifetime is how many seconds a key had when it was set. Some are over when it is asked,
// since each command is a process of its own.
type lifetime int

func TestRedisCLI(t *testing.T) {
	addr, _ := child.Start(t)
	for _, c := range []struct {
		command string
		answer  any // or a lifetime
	}{
		{"PING", "PONG"},
		{"PING hello", "hello"},
		{"ECHO hello", "hello"},
		{"SET greeting hello", "OK"},
		{"GET greeting", "hello"},
		{"SET greeting other NX", ""},
		{"SET missing other XX", ""},
		{"SET greeting hi XX", "OK"},
		{"SET greeting ho GET", "hi"},
		{"SET short 1 EX 10000", "OK"},
		{"TTL short", lifetime(10_000)},
		{"SET short 2 KEEPTTL", "OK"},
		{"TTL short", lifetime(10_000)},
		{"SET short 3 PX 5000000", "OK"},
		{"TTL short", lifetime(5000)},
		{"PERSIST short", "1"},
		{"TTL short", "-1"},
		{"TTL missing", "-2"},
		{"EXPIRE short 7", "1"},
		{"PEXPIRE short 7000000", "1"},
		{"TTL short", lifetime(7000)},
		{"INCR counter", "1"},
		{"INCR counter", "2"},
		{"DECR counter", "1"},
		{"INCR greeting", "ERR value is not an integer or out of range"},
		{"EXISTS greeting counter missing", "2"},
		{"KEYS g*", "greeting"},
		{"KEYS ?????e*", "counter"},
		{"DBSIZE", "3"},
		{"DEL greeting missing", "1"},
		{"FLUSHALL", "OK"},
		{"DBSIZE", "0"},
		{"SELECT 0", "OK"},
		{"SELECT 1", "ERR DB index is out of range"},
		{"COMMAND COUNT", fmt.Sprint(len(commands))},
		{"CONFIG GET save", "save"},
		{"CONFIG GET appendonly", "appendonly\nno"},
		{"CLIENT SETNAME me", "OK"},
		{"PUBLISH nobody hello", "0"},
		{"GET", "ERR wrong number of arguments for 'get' command"},
		{"LPUSH a b", "ERR unknown command 'LPUSH', with args beginning with: 'a' 'b'"},
		{"QUIT", "OK"},
	} {
		out, err := redisCLI(t, addr, strings.Fields(c.command)...).Output()
		require.NoError(t, err, c.command)
		answer := strings.TrimSpace(string(out))
		if most, limited := c.answer.(lifetime); limited {
			left, err := strconv.Atoi(answer)
			require.NoError(t, err, c.command)
			require.True(t, int(most)-int(stuck.Seconds()) <= left && left <= int(most), "%s: %d s, of %d", c.command, left, most)
			continue
		}
		require.Equal(t, c.answer, answer, c.command)
	}
	t.Run("INFO has its sections", func(t *testing.T) {
		out, err := redisCLI(t, addr, "INFO").Output()
		require.NoError(t, err)
		for _, want := range []string{"# Server", "# Clients", "# Memory", "# Stats", "# Keyspace", "redis_version:", "connected_clients:1"} {
			require.Contains(t, string(out), want)
		}
	})
	t.Run("COMMAND describes itself", func(t *testing.T) {
		out, err := redisCLI(t, addr, "COMMAND").Output()
		require.NoError(t, err)
		require.Contains(t, string(out), "subscribe")
	})
	t.Run("commands from a file, as a person would type them", func(t *testing.T) {
		cmd := redisCLI(t, addr)
		cmd.Stdin = strings.NewReader("set a \"with space\"\nget a\nttl a\nkeys *\n")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err)
		require.Equal(t, "OK\nwith space\n-1\na\n", strings.ReplaceAll(string(out), "\n\n", "\n"))
	})
}

func TestRedisCLIPipe(t *testing.T) {
	addr, _ := child.Start(t)
	const keys = 20_000
	var all strings.Builder
	for n := range keys {
		all.WriteString(request("SET", fmt.Sprint("key:", n), fmt.Sprint("value ", n)))
	}
	cmd := redisCLI(t, addr, "--pipe")
	cmd.Stdin = strings.NewReader(all.String())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), fmt.Sprintf("errors: 0, replies: %d", keys))
	w := dial(t, addr)
	require.Equal(t, fmt.Sprintf(":%d\r\n", keys), w.asks("DBSIZE"))
	require.Equal(t, bulk("value 19999"), w.asks("GET", "key:19999"))
}

func TestRedisCLISubscribes(t *testing.T) {
	addr, _ := child.Start(t)
	cmd := redisCLI(t, addr, "--csv", "SUBSCRIBE", "news", "sport")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	heard := bufio.NewReader(stdout)
	hears := func(want string) {
		t.Helper()
		line := "Reading messages"
		for strings.HasPrefix(line, "Reading messages") { // which not every version says
			line, err = heard.ReadString('\n')
			require.NoError(t, err)
		}
		require.Equal(t, want+"\n", line)
	}
	hears(`"subscribe","news",1`)
	hears(`"subscribe","sport",2`)
	for _, channel := range []string{"sport", "news"} {
		out, err := redisCLI(t, addr, "PUBLISH", channel, "hello "+channel).Output()
		require.NoError(t, err)
		require.Equal(t, "1\n", string(out))
		hears(fmt.Sprintf(`"message","%s","hello %s"`, channel, channel))
	}
}

func TestRedisBenchmark(t *testing.T) {
	needs(t, "redis-benchmark", "redis-tools")
	addr, _ := child.Start(t)
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	for _, args := range []string{
		"-t ping,set,get,incr -c 50 -n 5000 -r 100",
		"-t set,get -c 50 -n 20000 -P 16 -d 1000",
		"-c 5 -n 1000 SET key:__rand_int__ value EX 100",
	} {
		out, err := exec.Command("redis-benchmark", append([]string{"-h", host, "-p", port, "-q"}, strings.Fields(args)...)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", args, out)
		require.Contains(t, string(out), "requests per second", args)
		for _, bad := range []string{"ERR", "Error", "WARN"} {
			require.NotContains(t, string(out), bad, args)
		}
	}
}
