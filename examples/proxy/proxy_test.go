//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/webserver"
)

// running is the proxy as a process.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	out  *bufio.Reader
	done bool
}

// start starts the proxy; at the end of the test it is told to end, if it has not.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	p := &running{t: t, cmd: child.Command(append([]string{"-addr", "127.0.0.1:0"}, args...)...)}
	p.cmd.Stderr = os.Stderr
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	p.out = bufio.NewReader(out)
	t.Cleanup(func() {
		if !p.done {
			p.signal(syscall.SIGTERM)
			p.signal(syscall.SIGTERM)
			_ = p.cmd.Wait()
		}
	})
	p.addr = strings.TrimPrefix(p.line(), "listening on ")
	return p
}

func (p *running) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

func (p *running) line() string {
	p.t.Helper()
	line, err := p.out.ReadString('\n')
	require.NoError(p.t, err)
	return strings.TrimSuffix(line, "\n")
}

// waitFor reads what the proxy says up to a line with these words.
func (p *running) waitFor(words string) string {
	p.t.Helper()
	for {
		if line := p.line(); strings.Contains(line, words) {
			return line
		}
	}
}

// report asks for the counters, and gives those of an upstream by their columns,
// and the proxy's own.
func (p *running) report(upstream string) (columns []string, own string) {
	p.t.Helper()
	p.signal(syscall.SIGUSR1)
	p.waitFor("upstream ")
	columns = strings.Fields(p.waitFor(upstream))
	return columns, p.waitFor(" accepted, ")
}

// end waits for the proxy to end by itself, and returns its last words.
func (p *running) end() string {
	p.t.Helper()
	rest, err := io.ReadAll(p.out)
	require.NoError(p.t, err)
	require.NoError(p.t, p.cmd.Wait(), "the proxy's end")
	p.done = true
	return string(rest)
}

// tool is a program that these tests drive.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: apt-get install %s", name, name)
	}
	return path
}

func TestProxyServesCurlFromTwoServers(t *testing.T) {
	curl := tool(t, "curl")
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "small"), []byte("hello\n"), 0o600))
	large := webserver.Noise(t, dir, "large", 64<<20)
	nginx, python := webserver.Nginx(t, dir, ""), webserver.Python(t, dir)
	p := start(t, "-upstream", nginx.Addr, "-upstream", python.Addr)
	for range 4 {
		got, err := exec.Command(curl, "-sS", "http://"+p.addr+"/small").Output()
		require.NoError(t, err)
		require.Equal(t, "hello\n", string(got))
	}
	for range 2 {
		got, err := exec.Command(curl, "-sS", "http://"+p.addr+"/large").Output()
		require.NoError(t, err)
		require.True(t, bytes.Equal(large, got), "64 MiB by curl: got %d bytes of %d, or others", len(got), len(large))
	}
	for _, addr := range []string{nginx.Addr, python.Addr} {
		columns, own := p.report(addr)
		require.Equal(t, []string{addr, "up", "3", "0", "0"}, columns[:5])
		received, err := strconv.Atoi(columns[6])
		require.NoError(t, err)
		require.Greater(t, received, len(large))
		require.Contains(t, own, "6 accepted, 0 without an upstream, 0 idle too long, 0 broken off")
	}
}

// An upstream that answers when its client has ended: the length and the sum of
// everything it was sent.
const counting = `
import hashlib, socket
s = socket.create_server(("127.0.0.1", 0))
print("on port", s.getsockname()[1], flush=True)
while True:
    c, _ = s.accept()
    sum, size = hashlib.sha256(), 0
    while data := c.recv(1 << 16):
        sum.update(data)
        size += len(data)
    c.sendall(f"{size} {sum.hexdigest()}\n".encode())
    c.close()
`

// socat ends its side and waits for the answer; the upstream waits for that end.
func TestProxyPassesSocatsHalfCloseOn(t *testing.T) {
	socat := tool(t, "socat")
	data := webserver.Noise(t, t.TempDir(), "data", 64<<20)
	upstream := webserver.Program(t, "on port ", tool(t, "python3"), "-c", counting)
	p := start(t, "-upstream", upstream.Addr, "-check", "0")
	for _, size := range []int{0, 1, 100_000, len(data)} {
		cmd := exec.Command(socat, "-t", "60", "-", "TCP:"+p.addr)
		cmd.Stdin = bytes.NewReader(data[:size])
		answer, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, webserver.Sum(data[:size]), string(answer))
	}
	_, own := p.report(upstream.Addr)
	require.Contains(t, own, " 0 broken off")
}

// A server that is killed in the middle of an answer: its client is told, others go
// to the one that is left, and the check finds the dead one.
func TestProxyWhoseUpstreamDies(t *testing.T) {
	curl := tool(t, "curl")
	dir := t.TempDir()
	webserver.Zeros(t, dir, "large", 64<<20)
	victim, other := webserver.Nginx(t, dir, ""), webserver.Nginx(t, dir, "")
	p := start(t, "-upstream", victim.Addr, "-upstream", other.Addr, "-check", "50ms", "-fall", "2")
	cut := exec.Command(curl, "-sS", "--limit-rate", "1M", "http://"+p.addr+"/large")
	out, err := cut.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cut.Start())
	_, err = io.ReadFull(out, make([]byte, 100_000))
	require.NoError(t, err)
	victim.Kill()
	_, err = io.Copy(io.Discard, out)
	require.NoError(t, err)
	require.Error(t, cut.Wait(), "curl, of an answer that was cut off")
	p.waitFor("upstream " + victim.Addr + " is down")
	for range 3 {
		size, err := exec.Command(curl, "-sS", "-o", os.DevNull, "-w", "%{size_download}", "http://"+p.addr+"/large").Output()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(64<<20), string(size))
	}
}

// A client that never reads: what the proxy took for it stays within what the two
// connections' buffers may hold.
func TestProxyStopsReadingForAClientThatDoesNot(t *testing.T) {
	dir := t.TempDir()
	webserver.Zeros(t, dir, "large", 256<<20)
	nginx := webserver.Nginx(t, dir, "")
	p := start(t, "-upstream", nginx.Addr, "-check", "0")
	c := child.Dial(t, p.addr)
	_, err := io.WriteString(c, "GET /large HTTP/1.0\r\n\r\n")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 1))
	require.NoError(t, err)
	taken, before := 0, -1
	for taken != before { // no more comes
		before = taken
		columns, _ := p.report(nginx.Addr)
		taken, err = strconv.Atoi(columns[6])
		require.NoError(t, err)
	}
	require.Less(t, taken, 64<<20, "bytes taken for a client that does not read")
	// A neighbour is not hurt.
	other := child.Dial(t, p.addr)
	_, err = io.WriteString(other, "GET /large HTTP/1.0\r\nRange: bytes=0-9\r\n\r\n")
	require.NoError(t, err)
	answer, err := io.ReadAll(other)
	require.NoError(t, err)
	require.Contains(t, string(answer), " 206 ", "the answer to a neighbour")
}

func TestProxyDrains(t *testing.T) {
	upstream := echoServer(t)
	t.Run("it lets connections finish", func(t *testing.T) {
		p := start(t, "-upstream", upstream)
		c := child.Dial(t, p.addr)
		say(t, c, "before")
		p.signal(syscall.SIGTERM)
		for { // until nobody listens any more
			other, err := net.Dial("tcp", p.addr)
			if err != nil {
				break
			}
			other.Close()
		}
		say(t, c, "after")
		require.NoError(t, c.CloseWrite())
		_, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Contains(t, p.end(), "0 broken off")
	})
	for name, args := range map[string][]string{"for some time only": {"-drain", "10ms"}, "unless it is told twice": {"-drain", "1h"}} {
		t.Run(name, func(t *testing.T) {
			p := start(t, append(args, "-upstream", upstream)...)
			c := child.Dial(t, p.addr)
			say(t, c, "before")
			p.signal(syscall.SIGTERM)
			if args[1] == "1h" {
				p.signal(syscall.SIGINT)
			}
			_, err := io.ReadAll(c)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.Contains(t, p.end(), "1 broken off")
		})
	}
}

func TestProxyLimitsConnections(t *testing.T) {
	p := start(t, "-upstream", echoServer(t), "-max", "2")
	first, second := child.Dial(t, p.addr), child.Dial(t, p.addr)
	say(t, first, "first")
	say(t, second, "second")
	third := child.Dial(t, p.addr) // in the kernel's queue
	_, err := io.WriteString(third, "third")
	require.NoError(t, err)
	columns, own := p.report("127.0.0.1")
	require.Equal(t, "2", columns[3], "active")
	require.Contains(t, own, "2 accepted")
	require.NoError(t, first.Close())
	_, err = io.ReadFull(third, make([]byte, 5))
	require.NoError(t, err)
}

func TestProxyRefusesBadArguments(t *testing.T) {
	child.RefusesBadArguments(t)
	for _, args := range [][]string{{}, {"-upstream", "nowhere"}, {"-upstream", "a:1", "-max", "0"}, {"-upstream", "a:1", "-connect-timeout", "-1s"}} {
		out, err := child.Command(append(args, "-addr", "127.0.0.1:0")...).CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s", out)
	}
}

// echoServer is an upstream of this process's.
func echoServer(t *testing.T) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, ended := context.WithCancel(context.Background())
	go func() {
		defer ended()
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				// Not by splice: package net keeps its pipes, which the test for leaks finds.
				_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c})
				c.Close()
			}()
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-ctx.Done()
	})
	return ln.Addr().String()
}

// say sends a word, and waits for its echo.
func say(t *testing.T, c net.Conn, word string) {
	t.Helper()
	_, err := fmt.Fprint(c, word)
	require.NoError(t, err)
	got := make([]byte, len(word))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, word, string(got))
}
