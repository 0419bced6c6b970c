package main

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/certs"
	"github.com/weft-go/weft/examples/internal/child"
)

func TestTLSRefusesBadArguments(t *testing.T) { child.RefusesBadArguments(t) }

func TestTLSRefusesArgumentsThatDoNotGoTogether(t *testing.T) {
	for _, args := range [][]string{
		{"-client-auth", "perhaps"}, {"-client-auth", "required"}, {"-cert", "x.pem"}, {"-max-handshakes", "0"},
		{"-handshake-timeout", "0"}, {"-idle-timeout", "-1s"}, {"-answer-timeout", "-1s"}, {"-max-conns", "-1"},
		{"-client-auth", "required", "-client-ca", "/no/such/file"},
	} {
		out, err := child.Command(append(args, "-addr", "127.0.0.1:99999")...).CombinedOutput() // or it would go on
		require.Error(t, err)
		require.Equal(t, 1, bytes.Count(out, []byte("\n")), "%s", out)
		require.NotContains(t, string(out), "99999", "what %q is refused for", args)
	}
}

func TestTLSEchoesAndAgreesOnAProtocol(t *testing.T) {
	s := serving(t)
	versions(t, func(t *testing.T, version uint16) {
		config := s.client(version)
		config.NextProtos = []string{"later", protocol}
		c := s.secure(config)
		require.Equal(t, version, c.ConnectionState().Version)
		require.Equal(t, protocol, c.ConnectionState().NegotiatedProtocol)
		for _, text := range []string{"a", "weft", string(make([]byte, maxRecord))} {
			echoes(t, c, text)
		}
		echoes(t, s.secure(s.client(version)), "no protocol named")
		config.NextProtos = []string{"h2"}
		require.ErrorContains(t, tls.Client(s.dial(), config).Handshake(), "no application protocol")
	})
}

func TestTLSRefusesOldVersions(t *testing.T) {
	s := serving(t)
	require.ErrorContains(t, tls.Client(s.dial(), s.client(tls.VersionTLS11)).Handshake(), "protocol version")
}

func TestTLSResumesSessions(t *testing.T) {
	s := serving(t)
	versions(t, func(t *testing.T, version uint16) {
		config := s.client(version)
		config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
		for i := range 3 {
			c := s.secure(config)
			echoes(t, c, "the ticket of 1.3 comes with the first bytes")
			require.Equal(t, i > 0, c.ConnectionState().DidResume, "connection %d", i)
			require.NoError(t, c.Close())
		}
	})
}

func TestTLSVerifiesClients(t *testing.T) {
	foreign, err := certs.NewAuthority()
	require.NoError(t, err)
	stranger, err := foreign.Client("stranger")
	require.NoError(t, err)
	refused := func(t *testing.T, s *served, config *tls.Config, why string) {
		t.Helper()
		// In 1.3 the client has finished its handshake when it is refused.
		c := tls.Client(s.dial(), config)
		_, err := io.Copy(io.Discard, c)
		require.ErrorContains(t, err, why)
	}
	versions(t, func(t *testing.T, version uint16) {
		for _, auth := range []string{"optional", "required"} {
			s := serving(t, "-client-auth", auth)
			config := s.client(version)
			if auth == "optional" {
				echoes(t, s.secure(config), "nobody")
			} else if version == tls.VersionTLS13 {
				refused(t, s, config, "certificate required")
			} else {
				refused(t, s, config, "handshake failure")
			}
			// Not by Certificates: of those a client sends only what the server trusts.
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &stranger, nil }
			refused(t, s, config, "unknown certificate authority")
			known, err := certs.Pair(s.dir, certs.ClientFile)
			require.NoError(t, err)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &known, nil }
			echoes(t, s.secure(config), "somebody")
		}
	})
}

func TestTLSClientAuthIsReadFromFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, certs.Make(dir))
	addr, _ := child.Start(t, "-cert", filepath.Join(dir, "server.pem"), "-key", filepath.Join(dir, "server.key"),
		"-client-auth", "required", "-client-ca", filepath.Join(dir, certs.CAFile))
	known, err := certs.Pair(dir, certs.ClientFile)
	require.NoError(t, err)
	pool, err := certs.Pool(filepath.Join(dir, certs.CAFile))
	require.NoError(t, err)
	c := tls.Client(child.Dial(t, addr), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", Certificates: []tls.Certificate{known}})
	echoes(t, c, "hello")
	require.NoError(t, c.Close())
}

func TestTLSHalfCloseEndsBothDirectionsInOrder(t *testing.T) {
	s := serving(t)
	versions(t, func(t *testing.T, version uint16) {
		want := make([]byte, 1<<20)
		_, _ = rand.Read(want) // never fails
		tap := &tap{Conn: s.dial()}
		c := tls.Client(tap, s.client(version))
		go func() {
			_, _ = c.Write(want)
			_ = c.CloseWrite()
		}()
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), "got %d bytes of %d, or others", len(got), len(want))
		tap.requireAlert(t, version, "close_notify")
	})
}
