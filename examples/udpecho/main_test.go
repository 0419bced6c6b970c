package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

func TestMain(m *testing.M) { child.Main(m, roles) }

// patience is when a test gives up on an answer. Nothing is timed with it.
const patience = time.Minute

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("udp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	return c
}

// ask sends a datagram and returns what comes back.
func ask(c net.Conn, text string) (string, error) {
	if _, err := c.Write([]byte(text)); err != nil {
		return "", err
	}
	buf := make([]byte, 10_000)
	n, err := c.Read(buf)
	return string(buf[:n]), err
}

func TestUDPEchoAnswersEachClient(t *testing.T) {
	addr, _ := child.Start(t)
	var all sync.WaitGroup
	for i := range 50 {
		c := dial(t, addr)
		all.Go(func() {
			for round := range 20 {
				want := strings.Repeat(fmt.Sprintf("client %d, round %d; ", i, round), round)
				if got, err := ask(c, want); err != nil || got != want {
					t.Errorf("%q: got %q, %v", want, got, err)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestUDPEchoSurvivesItsClients(t *testing.T) {
	addr, _ := child.Start(t)
	for range 100 { // they are gone before the answer comes, and the network says so
		c := dial(t, addr)
		_, err := c.Write([]byte("nobody waits for this"))
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	c := dial(t, addr)
	_, err := c.Write(make([]byte, largest+1))
	require.NoError(t, err)
	flood := dial(t, addr)
	for range 5000 { // never read
		_, _ = flood.Write(make([]byte, 1000))
	}
	require.NoError(t, flood.Close())
	// What a flood leaves no room for is lost, so the question may have to be asked
	// again.
	require.NoError(t, c.SetDeadline(time.Time{}))
	for end := time.Now().Add(patience); ; {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		got, err := ask(c, "alive")
		if err == nil {
			require.Equal(t, "alive", got, "and nothing of the datagram that was too long")
			return
		}
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.True(t, time.Now().Before(end), "no answer after a flood")
	}
}

func TestUDPEchoAnswersSocat(t *testing.T) {
	needs(t, "socat", "apt-get install socat")
	addr, _ := child.Start(t)
	client := exec.Command("socat", "-t0.1", "-", "UDP:"+addr)
	in, err := client.StdinPipe()
	require.NoError(t, err)
	out, err := client.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, client.Start())
	late := time.AfterFunc(patience, func() { _ = client.Process.Kill() })
	defer late.Stop()
	// With the end of its input socat waits for the answer no longer than -t says: it
	// gets that when it has answered.
	_, err = io.WriteString(in, "hello")
	require.NoError(t, err)
	got := make([]byte, len("hello"))
	_, err = io.ReadFull(out, got)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	require.NoError(t, in.Close())
	rest, err := io.ReadAll(out)
	require.NoError(t, err)
	require.Empty(t, rest)
	require.NoError(t, client.Wait())
}

func TestUDPEchoAnswersPython(t *testing.T) {
	needs(t, "python3", "apt-get install python3")
	addr, _ := child.Start(t)
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	out, err := exec.Command("python3", "-c", `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(60)
to = (sys.argv[1], int(sys.argv[2]))
for size in (0, 1, 1472, 2048):
    s.sendto(b"x" * size, to)
    got, peer = s.recvfrom(65536)
    assert got == b"x" * size and peer == to, (size, len(got), peer)
print("good")
`, host, port).CombinedOutput()
	require.NoError(t, err, "python3: %s", out)
	require.Equal(t, "good\n", string(out))
}

func needs(t *testing.T, program, install string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is not installed: %s", program, install)
	}
}

func TestUDPEchoEndsWithAWord(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, addr := range map[string]string{
		"an address of no form": "7000",
		"a host name":           "no such host:7000",
		"a port that is in use": taken.LocalAddr().String(),
	} {
		out, err := child.Command("-addr", addr).CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "%s: it said: %s", name, out)
		require.Equal(t, 2, exit.ExitCode(), "%s: it said: %s", name, out)
		require.Equal(t, 1, strings.Count(string(out), "\n"), "%s: it said: %s", name, out)
	}
	_, process := child.Start(t)
	require.NoError(t, process.Signal(syscall.Signal(0)), "it runs until it is told to end, by child.Start")
}
