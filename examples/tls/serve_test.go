package main

import (
	"crypto/tls"
	"flag"
	"io"
	"net"
	"path/filepath"
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
	dir string // of its certificates
}

// serving starts the example with arguments, as main would.
func serving(t *testing.T, args ...string) *served {
	t.Helper()
	s := &served{t: t, dir: t.TempDir()}
	var f flags
	set := flag.NewFlagSet("tls", flag.PanicOnError)
	f.define(set)
	require.NoError(t, set.Parse(append([]string{"-certs", s.dir}, args...)))
	config, err := f.config()
	require.NoError(t, err)
	s.Server = inprocess.Start(t, newServer(config, f.limits).run)
	return s
}

// client is a configuration that trusts the server, for one version of TLS.
func (s *served) client(version uint16) *tls.Config {
	s.t.Helper()
	pool, err := certs.Pool(filepath.Join(s.dir, certs.CAFile))
	require.NoError(s.t, err)
	return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: version, MaxVersion: version}
}

// dial connects, without TLS.
func (s *served) dial() *net.TCPConn {
	s.t.Helper()
	c, err := net.Dial("tcp", s.Addr)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	require.NoError(s.t, c.SetDeadline(time.Now().Add(time.Minute)))
	return c.(*net.TCPConn)
}

func (s *served) secure(config *tls.Config) *tls.Conn {
	s.t.Helper()
	c := tls.Client(s.dial(), config)
	require.NoError(s.t, c.Handshake())
	return c
}

// echoes says something, and hears it.
func echoes(t *testing.T, c io.ReadWriter, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
	got := make([]byte, len(text))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, text, string(got))
}

// serves wants a client to be served, for which the server's limits may be too short
// while the machine stands still: then another one has its try.
func (s *served) serves() {
	s.t.Helper()
	inprocess.Until(s.t, "a client that is served", func() bool {
		c := tls.Client(s.dial(), s.client(tls.VersionTLS13))
		defer c.Close()
		_, err := io.WriteString(c, "alive")
		got := make([]byte, len("alive"))
		if err == nil {
			_, err = io.ReadFull(c, got)
		}
		return err == nil && string(got) == "alive"
	})
}

// versions runs a test for each version that the server speaks.
func versions(t *testing.T, test func(t *testing.T, version uint16)) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { test(t, v) })
	}
}

// waiting is how many tasks there are that wait for something of that name.
func waiting(kind string) (n int) {
	for _, task := range coro.Tasks() {
		if len(task.Waits) >= len(kind) && task.Waits[:len(kind)] == kind {
			n++
		}
	}
	return n
}
