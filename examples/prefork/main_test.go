//go:build linux

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, main) }

// server is the example as its README starts it.
type server struct {
	t       *testing.T
	cmd     *exec.Cmd
	addr    string
	pidFile string
	log     *bufio.Reader
	said    bytes.Buffer
}

// start starts the example, whose processes end with the test: the workers with
// their master, and the masters by the numbers in the log.
func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, pidFile: filepath.Join(t.TempDir(), "pid")}
	s.cmd = child.Command(append([]string{"-addr", "127.0.0.1:0", "-pidfile", s.pidFile}, args...)...)
	log, logIn, err := os.Pipe()
	require.NoError(t, err)
	s.cmd.Stderr = logIn
	out, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	logIn.Close()
	s.log = bufio.NewReader(log)
	t.Cleanup(func() {
		if master := s.master(); master > 0 {
			_ = syscall.Kill(master, syscall.SIGKILL)
		}
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		for { // up to the end of the last process
			line, err := s.log.ReadString('\n')
			s.said.WriteString(line)
			if err != nil {
				break
			}
		}
		log.Close()
		if t.Failed() {
			t.Log(s.said.String())
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	s.addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return s
}

// master is the process number in the file; 0 for none.
func (s *server) master() int {
	text, _ := os.ReadFile(s.pidFile)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

func (s *server) kill(signal syscall.Signal) {
	s.t.Helper()
	require.NoError(s.t, syscall.Kill(s.master(), signal))
}

// waitFor reads the log up to a line with these words.
func (s *server) waitFor(words ...string) {
	s.t.Helper()
	for {
		line, err := s.log.ReadString('\n')
		s.said.WriteString(line)
		require.NoError(s.t, err, "waited for %q", words)
		found := true
		for _, w := range words {
			found = found && strings.Contains(line, w)
		}
		if found {
			return
		}
	}
}

type client struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func (s *server) dial() *client {
	s.t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	require.NoError(s.t, c.SetDeadline(time.Now().Add(time.Minute)))
	s.t.Cleanup(func() { c.Close() })
	return &client{c, s.t, bufio.NewReader(c)}
}

// say sends a line and returns the number, the greeting and the process of the
// answer.
func (c *client) say(line string) (n int, greeting string, pid int) {
	c.t.Helper()
	_, err := fmt.Fprintln(c, line)
	require.NoError(c.t, err)
	answer, err := c.in.ReadString('\n')
	require.NoError(c.t, err, "the answer to %q", line)
	_, err = fmt.Sscanf(answer, "%d %s from process %d", &n, &greeting, &pid)
	require.NoError(c.t, err, answer)
	require.True(c.t, strings.HasSuffix(answer, ": "+line+"\n"), answer)
	return n, greeting, pid
}

func TestPreforkKeepsItsClientThroughTheREADME(t *testing.T) {
	config := filepath.Join(t.TempDir(), "greeting")
	require.NoError(t, os.WriteFile(config, []byte("hello\n"), 0o600))
	s := start(t, "-config", config)
	c := s.dial()
	n, greeting, first := c.say("one")
	require.Equal(t, 1, n)
	require.Equal(t, "hello", greeting)

	require.NoError(t, os.WriteFile(config, []byte("hi\n"), 0o600))
	s.kill(syscall.SIGHUP)
	s.waitFor("prefork: ended", fmt.Sprint("pid=", first), "why=drained")
	n, greeting, second := c.say("two")
	require.Equal(t, 2, n)
	require.Equal(t, "hi", greeting)
	require.NotEqual(t, first, second)

	old := s.master()
	s.kill(syscall.SIGUSR2)
	s.waitFor("prefork: every worker has ended")
	require.NoError(t, s.cmd.Wait(), "the old master's end")
	require.NotEqual(t, old, s.master())
	n, _, third := c.say("three")
	require.Equal(t, 3, n)
	require.NotEqual(t, second, third)

	s.kill(syscall.SIGTTIN)
	s.waitFor("prefork: serving", "worker=2")
	s.kill(syscall.SIGTTOU)
	s.waitFor("prefork: ended", "worker=2", "why=drained")
	n, _, _ = c.say("four")
	require.Equal(t, 4, n)

	s.kill(syscall.SIGWINCH)
	s.waitFor("prefork: ended", "why=drained")
	waiting := s.dial()
	n, _, _ = c.say("five")
	require.Equal(t, 5, n)
	s.kill(syscall.SIGHUP)
	s.waitFor("prefork: reloaded")
	n, _, victim := waiting.say("waited")
	require.Equal(t, 1, n)

	require.NoError(t, syscall.Kill(victim, syscall.SIGKILL))
	s.waitFor("prefork: ended", "why=crashed")
	s.waitFor("prefork: serving")
	_, _, fourth := c.say("six")
	require.Equal(t, third, fourth, "its own worker drains until it has finished")
	s.kill(syscall.SIGQUIT)
	n, _, _ = c.say("seven")
	require.Equal(t, 7, n)
	c.Close()
	s.waitFor("prefork: the master has ended")
}

func TestPreforkServesEveryModel(t *testing.T) {
	for _, model := range []string{"single", "loops", "prefork", "hybrid", "process-per-connection"} {
		for _, spread := range []string{"shared", "reuseport", "leastconns"} {
			t.Run(model+" "+spread, func(t *testing.T) {
				s := start(t, "-model", model, "-spread", spread)
				for range 5 {
					n, _, _ := s.dial().say("hello")
					require.Equal(t, 1, n)
				}
				require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
				require.NoError(t, s.cmd.Wait())
			})
		}
	}
}

func TestPreforkRefusesBadArguments(t *testing.T) {
	child.RefusesBadArguments(t)
	for _, args := range [][]string{{"-model", "threads"}, {"-spread", "fair"}, {"-config", "/no/such/file"}} {
		out, err := child.Command(append(args, "-addr", "127.0.0.1:0")...).CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
	}
}
