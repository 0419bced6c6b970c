package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"flag"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/certs"
)

// served is a server in the process of the test.
type served struct {
	t    *testing.T
	addr string
	dir  string // of its certificates; empty without TLS
	end  context.CancelFunc
	done chan error
}

// serving starts the example with arguments, as main would.
func serving(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{t: t, done: make(chan error, 1)}
	var f flags
	set := flag.NewFlagSet("http", flag.PanicOnError)
	f.define(set)
	require.NoError(t, set.Parse(args))
	var secure *tls.Config
	if f.secure {
		s.dir = t.TempDir()
		f.certs.Dir = s.dir
		cert, err := f.certs.Load()
		require.NoError(t, err)
		secure = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.end = cancel
	listening := make(chan string, 1)
	go func() {
		s.done <- newServer(f.limits, secure).run(ctx, "127.0.0.1:0", func(a net.Addr) { listening <- a.String() })
	}()
	select {
	case s.addr = <-listening:
	case err := <-s.done:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err, ok := <-s.done; ok {
			require.ErrorIs(t, err, context.Canceled)
		}
	})
	return s
}

// wait waits for the server's end.
func (s *served) wait() {
	require.ErrorIs(s.t, <-s.done, context.Canceled)
	close(s.done)
}

// both runs a test in the clear and over TLS.
func both(t *testing.T, test func(t *testing.T, args []string)) {
	t.Run("in the clear", func(t *testing.T) { test(t, nil) })
	t.Run("over TLS", func(t *testing.T) { test(t, []string{"-tls"}) })
}

// client is one connection, by hand.
type client struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

func (s *served) dial() *client {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(time.Minute)))
	if s.dir != "" {
		pool, err := certs.Pool(filepath.Join(s.dir, certs.CAFile))
		require.NoError(s.t, err)
		secure := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
		require.NoError(s.t, secure.Handshake())
		conn = secure
	}
	s.t.Cleanup(func() { conn.Close() })
	return &client{conn, s.t, bufio.NewReader(conn)}
}

// says sends text as it is.
func (c *client) says(text ...string) {
	c.t.Helper()
	_, err := io.WriteString(c, strings.Join(text, ""))
	require.NoError(c.t, err)
}

// hears reads an answer, which may say that it is the last one.
func (c *client) hears() (status int, body string, last bool) {
	c.t.Helper()
	a, err := http.ReadResponse(c.in, nil)
	require.NoError(c.t, err)
	text, err := io.ReadAll(a.Body)
	require.NoError(c.t, err)
	return a.StatusCode, string(text), a.Close
}

// asks is one request and its answer.
func (c *client) asks(path string) string {
	c.t.Helper()
	c.says(get(path))
	status, body, _ := c.hears()
	require.Equal(c.t, http.StatusOK, status, path)
	return body
}

// ends checks that the server has closed the connection.
func (c *client) ends() {
	c.t.Helper()
	rest, err := io.ReadAll(c.in)
	require.NoError(c.t, err)
	require.Empty(c.t, rest)
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: weft\r\n\r\n" }

// rest waits until no handler runs, and returns how many connections are idle.
func rest(t *testing.T) (idle int) {
	t.Helper()
	until(t, "the end of all handlers", func() bool {
		loops := coro.Loops()
		idle = loops[0].Resting
		return len(loops) == 1 && loops[0].Tasks == 1
	})
	return idle
}

// until waits for what other goroutines are about to do.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !done(); runtime.Gosched() {
		require.True(t, time.Now().Before(end), "waited for a minute: %s", what)
	}
}
