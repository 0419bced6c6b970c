package main

import (
	"bufio"
	"crypto/tls"
	"flag"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/certs"
	"github.com/weft-go/weft/examples/internal/inprocess"
)

// served is a server in the process of the test.
type served struct {
	*inprocess.Server
	t   *testing.T
	dir string    // of its certificates; empty without TLS
	end time.Time // of patience with it
}

// serving starts the example with arguments, as main would.
func serving(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{t: t, end: time.Now().Add(patience)}
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
	server := newServer(f.limits, secure)
	server.drain = patience
	s.Server = inprocess.Start(t, server.run)
	return s
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
	conn, err := net.Dial("tcp", s.Addr)
	require.NoError(s.t, err)
	require.NoError(s.t, conn.SetDeadline(time.Now().Add(patience)))
	s.t.Cleanup(func() { conn.Close() })
	if s.dir != "" {
		pool, err := certs.Pool(filepath.Join(s.dir, certs.CAFile))
		require.NoError(s.t, err)
		secure := tls.Client(conn, &tls.Config{RootCAs: pool, ServerName: "localhost"})
		if err := secure.Handshake(); err != nil {
			// A server with a short limit for headers ends a handshake during which the
			// machine stands still.
			require.True(s.t, time.Now().Before(s.end), "no handshake: %v", err)
			return s.dial()
		}
		conn = secure
	}
	return &client{conn, s.t, bufio.NewReader(conn)}
}

// patience is when a test gives up. Nothing in it is meant to take so long.
const patience = 2 * time.Minute

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
	inprocess.Until(t, "the end of all handlers", func() bool {
		loops := coro.Loops()
		idle = loops[0].Resting
		return len(loops) == 1 && loops[0].Tasks == 1
	})
	return idle
}
