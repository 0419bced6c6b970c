package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
)

// everyBackend runs a test on all that this system has.
func everyBackend(t *testing.T, test func(t *testing.T, b backend.Backend)) {
	for _, name := range backend.Names() {
		t.Run(name, func(t *testing.T) {
			b, err := backend.Find(name)
			require.NoError(t, err)
			if b.External() && b.Absent() != "" {
				t.Skip("not installed: " + b.Absent())
			}
			if !b.Offers(backend.Echo) {
				t.Skip("no echo server")
			}
			test(t, b)
		})
	}
}

// serving is a serve process of a test.
type serving struct {
	cmd    *exec.Cmd
	addr   string
	stderr bytes.Buffer
}

// serve starts a server as its user would and waits until it listens.
func serve(t *testing.T, name string, args ...string) *serving {
	t.Helper()
	s := &serving{cmd: command(t, append([]string{"serve", "--backend=" + name}, args...)...)}
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, s.cmd.Start())
	t.Cleanup(func() { s.cmd.Process.Kill(); s.cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.cmd.Wait()
		require.NoError(t, err, s.stderr.String())
	}
	var found bool
	s.addr, found = strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	require.True(t, found, line)
	return s
}

func (s *serving) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	c, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

// stop ends the server by a signal: that is status 0, without a word.
func (s *serving) stop(t *testing.T, signal syscall.Signal) {
	t.Helper()
	require.NoError(t, s.cmd.Process.Signal(signal))
	require.NoError(t, s.cmd.Wait(), s.stderr.String())
	require.Empty(t, s.stderr.String())
}

func random(size int, seed uint64) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(b)
	return b
}

// requireEcho reads want, and nothing else, up to what is given.
func requireEcho(t *testing.T, c net.Conn, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	require.NoError(t, err, "after %d of %d bytes", n, len(want))
	require.True(t, bytes.Equal(want, got), "the echo of %d bytes differs", len(want))
}

func TestBackendEchoesEveryByte(t *testing.T) {
	for _, loops := range []int{1, 3} {
		everyBackend(t, func(t *testing.T, b backend.Backend) {
			s := serve(t, b.Name, "--addr=127.0.0.1:0", fmt.Sprintf("--loops=%d", loops))
			var conns []*net.TCPConn
			for range 10 {
				conns = append(conns, s.dial(t))
			}
			for round, size := range []int{1, 64, 5000} {
				for i, c := range conns {
					_, err := c.Write(random(size, uint64(round*100+i)))
					require.NoError(t, err)
				}
				for i, c := range conns {
					requireEcho(t, c, random(size, uint64(round*100+i)))
				}
			}
			s.stop(t, syscall.SIGTERM)
		})
	}
}

func TestBackendEchoesMoreThanTheSocketHolds(t *testing.T) {
	everyBackend(t, func(t *testing.T, b backend.Backend) {
		s := serve(t, b.Name, "--addr=127.0.0.1:0")
		c, message := s.dial(t), random(1<<20, 1)
		written := make(chan error, 1)
		go func() {
			_, err := c.Write(message)
			written <- err
		}()
		requireEcho(t, c, message)
		require.NoError(t, <-written)

		require.NoError(t, c.CloseWrite())
		n, err := c.Read(make([]byte, 1))
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
		s.stop(t, syscall.SIGTERM)
	})
}

func TestBackendAnswersAfterHalfClose(t *testing.T) {
	everyBackend(t, func(t *testing.T, b backend.Backend) {
		if b.CutsAnswersAtHalfClose {
			t.Skip("this backend drops what it has not sent when the peer finishes sending")
		}
		s := serve(t, b.Name, "--addr=127.0.0.1:0")
		c, message := s.dial(t), random(1<<20, 2)
		// The FIN follows the last byte at once, and little of the answer fits
		// our end of the connection: most of it is still to come then.
		require.NoError(t, c.SetReadBuffer(16<<10))
		written := make(chan error, 1)
		go func() {
			_, err := c.Write(message)
			if err == nil {
				err = c.CloseWrite()
			}
			written <- err
		}()
		requireEcho(t, c, message)
		n, err := c.Read(make([]byte, 1))
		require.Zero(t, n)
		require.Equal(t, io.EOF, err)
		require.NoError(t, <-written)
		s.stop(t, syscall.SIGTERM)
	})
}

func TestBackendEndsWithConnectionsOpen(t *testing.T) {
	everyBackend(t, func(t *testing.T, b backend.Backend) {
		s := serve(t, b.Name, "--addr=127.0.0.1:0")
		c := s.dial(t)
		_, err := c.Write([]byte("hello"))
		require.NoError(t, err)
		requireEcho(t, c, []byte("hello"))
		s.stop(t, syscall.SIGINT)
		_, err = c.Read(make([]byte, 1))
		require.Error(t, err)
	})
}

func TestBackendListensOnTheGivenAddressOnly(t *testing.T) {
	everyBackend(t, func(t *testing.T, b backend.Backend) {
		first := serve(t, b.Name, "--addr=127.0.0.1:0")
		require.True(t, strings.HasPrefix(first.addr, "127.0.0.1:"), first.addr)
		// The address is taken now, for every backend.
		requireRefused(t, finish(t, command(t, "serve", "--backend="+b.Name, "--addr="+first.addr)), "address already in use")
		first.stop(t, syscall.SIGTERM)
		// And free again at once, although a connection was closed by us.
		again := serve(t, b.Name, "--addr="+first.addr)
		require.Equal(t, first.addr, again.addr)
		again.stop(t, syscall.SIGTERM)
	})
}

func TestBackendServesEveryFamilyOnAnEmptyHost(t *testing.T) {
	everyBackend(t, func(t *testing.T, b backend.Backend) {
		s := serve(t, b.Name, "--addr=:0")
		_, port, err := net.SplitHostPort(s.addr)
		require.NoError(t, err)
		s.addr = "127.0.0.1:" + port
		c := s.dial(t)
		_, err = c.Write([]byte("hello"))
		require.NoError(t, err)
		requireEcho(t, c, []byte("hello"))
		s.stop(t, syscall.SIGTERM)
	})
}
