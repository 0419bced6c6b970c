package child

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Echo is what all echo servers of the ladder promise, however they are written.
func Echo(t *testing.T) {
	t.Run("every connection gets its own bytes back", manyConnections)
	t.Run("a slow reader gets every byte", slowReader)
	t.Run("a sender that does not read is slowed down", senderThatDoesNotRead)
	t.Run("a half-closed connection gets all bytes, then the end", halfClose)
	t.Run("resets cost the others nothing", resets)
	t.Run("SIGTERM ends it with connections open", sigterm)
	t.Run("bad arguments are refused", RefusesBadArguments)
	t.Run("-help names the flag", helpNamesTheFlag)
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	return b
}

func manyConnections(t *testing.T) {
	addr, _ := Start(t)
	var all sync.WaitGroup
	for i := range 200 {
		c := Dial(t, addr)
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
func slowReader(t *testing.T) {
	addr, _ := Start(t)
	c := Dial(t, addr)
	want := noise(1 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		if err == nil {
			err = c.CloseWrite()
		}
		sent <- err
	}()

	other := Dial(t, addr)
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

// 64 MiB are more than all buffers on the way hold, so the sender is stopped
// until it reads.
func senderThatDoesNotRead(t *testing.T) {
	addr, _ := Start(t)
	c := Dial(t, addr)
	want := noise(64 << 20)
	sent := make(chan error, 1)
	go func() {
		_, err := c.Write(want)
		sent <- err
	}()
	got := make([]byte, len(want))
	_, err := io.ReadFull(c, got[:1])
	require.NoError(t, err)
	select {
	case err := <-sent:
		t.Fatalf("sent 64 MiB and read one byte: the sender was never stopped, got %v", err)
	default:
	}
	_, err = io.ReadFull(c, got[1:])
	require.NoError(t, err)
	require.NoError(t, <-sent)
	require.True(t, bytes.Equal(want, got), "64 MiB echoed: bytes differ")
}

func halfClose(t *testing.T) {
	addr, _ := Start(t)
	c := Dial(t, addr)
	want := noise(300_000)
	go func() {
		_, _ = c.Write(want)
		_ = c.CloseWrite()
	}()
	got, err := io.ReadAll(c)
	require.NoError(t, err, "all bytes, then the end")
	require.True(t, bytes.Equal(want, got), "got %d bytes of %d, or others", len(got), len(want))
}

func resets(t *testing.T) {
	addr, _ := Start(t)
	for range 100 {
		c := Dial(t, addr)
		_, err := c.Write(noise(10_000))
		require.NoError(t, err)
		require.NoError(t, c.SetLinger(0))
		require.NoError(t, c.Close())
	}
	c := Dial(t, addr)
	_, err := io.WriteString(c, "alive")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 5))
	require.NoError(t, err)
}

func sigterm(t *testing.T) {
	cmd := Command("-addr", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	c := Dial(t, strings.TrimSpace(strings.TrimPrefix(line, "listening on ")))
	_, err = io.WriteString(c, "ping")
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 4))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, err = c.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err, "the connection of a server that ends")
	require.NoError(t, c.Close()) // a server that drains waits for this
	require.NoError(t, cmd.Wait(), "the server's end after SIGTERM")
}

func helpNamesTheFlag(t *testing.T) {
	out, err := Command("-help").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), "-addr")
}
