package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain makes the test binary the server itself, when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("POLLECHO_CHILD") != "" {
		main()
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "POLLECHO_CHILD=1")
	return cmd
}

// start runs the server as a child, returns its address and process, and stops
// it as Ctrl-C would.
func start(t *testing.T) (string, *os.Process) {
	t.Helper()
	cmd := command("-addr", "127.0.0.1:0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		require.NoError(t, cmd.Wait(), "the server's end after an interrupt; it said: %s", &stderr)
		require.Empty(t, stderr.String(), "what the server said on stderr")
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the server's first line; it said: %s", &stderr)
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, ok, "the server's first line: got %q, want its address", line)
	return addr, cmd.Process
}

func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}

func TestEchoServesManyConnections(t *testing.T) {
	addr, _ := start(t)
	var all sync.WaitGroup
	for i := range 200 {
		c := dial(t, addr)
		all.Go(func() {
			for round := range 20 {
				want := fmt.Sprintf("connection %d, round %d", i, round)
				got := make([]byte, len(want))
				if _, err := io.WriteString(c, want); err != nil {
					t.Errorf("%s: write: %v", want, err)
					return
				}
				if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
					t.Errorf("%s: got %q, %v", want, got, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// The client reads in small pieces, and only after the server has been busy with
// others.
func TestEchoIsExactForASlowReader(t *testing.T) {
	addr, _ := start(t)
	c := dial(t, addr)
	want := noise(1 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()

	// Another connection is served meanwhile.
	other := dial(t, addr)
	for range 100 {
		_, err := io.WriteString(other, "ping")
		require.NoError(t, err)
		_, err = io.ReadFull(other, make([]byte, 4))
		require.NoError(t, err)
	}

	var got []byte
	buf := make([]byte, 1000)
	for {
		n, err := c.Read(buf)
		got = append(got, buf[:n]...)
		if err == io.EOF {
			break
		}
		require.NoError(t, err, "read after %d bytes", len(got))
	}
	require.NoError(t, <-sent)
	require.True(t, bytes.Equal(want, got), "1 MiB echoed: got %d bytes of %d, or others", len(got), len(want))
}

// 64 MiB are more than all buffers on the way hold, so the sender is stopped:
// the server keeps the part of one read that the kernel did not take, in order,
// and reads no more.
func TestEchoSlowsDownASenderThatDoesNotRead(t *testing.T) {
	addr, _ := start(t)
	c := dial(t, addr)
	want := noise(64 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		sent <- err
	}()
	head := make([]byte, 1)
	_, err := io.ReadFull(c, head)
	require.NoError(t, err)
	select {
	case err := <-sent:
		t.Fatalf("sent 64 MiB and read one byte: the sender was never stopped, got %v", err)
	default:
	}
	rest := make([]byte, len(want)-1)
	_, err = io.ReadFull(c, rest)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.True(t, want[0] == head[0] && bytes.Equal(want[1:], rest), "64 MiB echoed: bytes differ")
}

func TestEchoAnswersAHalfClose(t *testing.T) {
	addr, _ := start(t)
	c := dial(t, addr)
	want := noise(300_000)
	go func() {
		_, _ = c.Write(want)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	require.NoError(t, err, "all bytes, then the end")
	require.True(t, bytes.Equal(want, got), "echo of a half-closed connection: got %d bytes of %d, or others", len(got), len(want))
}

func TestEchoOutlivesResets(t *testing.T) {
	addr, _ := start(t)
	for range 100 {
		c := dial(t, addr)
		_, err := c.Write(noise(10_000))
		require.NoError(t, err)
		require.NoError(t, c.SetLinger(0))
		require.NoError(t, c.Close())
	}
	c := dial(t, addr)
	_, err := io.WriteString(c, "alive")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 5))
	require.NoError(t, err)
}

func TestServerEndsOnSIGTERMWithOpenConnections(t *testing.T) {
	cmd := command("-addr", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	c := dial(t, strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
	_, err = io.WriteString(c, "ping")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 4))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, err = c.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err, "the connection of a server that ends")
	require.NoError(t, cmd.Wait(), "the server's end after SIGTERM")
}

func TestUsageErrorsAreOneLineAndStatus2(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, args := range [][]string{
		{"-nosuch"}, {"-addr"}, {"surplus"}, {"-addr", ""}, {"-addr", "nonsense"}, {"-addr", "localhost:0"},
		{"-addr", "127.0.0.1:99999"}, {"-addr", "192.0.2.1:0"}, {"-addr", taken.Addr().String()},
	} {
		cmd := command(args...)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		require.ErrorAs(t, err, new(*exec.ExitError), "pollecho %q", args)
		require.Equal(t, 2, cmd.ProcessState.ExitCode(), "pollecho %q: exit status", args)
		require.Empty(t, stdout.String(), "pollecho %q: stdout", args)
		require.Regexp(t, `^pollecho: [^\n]+\n$`, stderr.String(), "pollecho %q: stderr", args)
		t.Logf("pollecho %q: %s", args, stderr.String())
	}
}

func TestHelpNamesTheFlag(t *testing.T) {
	out, err := command("-help").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "-addr")
}
