package main

import (
	"bufio"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/certs"
	"github.com/weft-go/weft/examples/internal/child"
)

// sClient is a run of `openssl s_client` against the example.
type sClient struct {
	t    *testing.T
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
	said strings.Builder
}

// openssl starts it. Its standard error comes with what it prints.
func openssl(t *testing.T, addr string, args ...string) *sClient {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl: apt-get install openssl")
	}
	c := &sClient{t: t, cmd: exec.Command(path, append([]string{"s_client", "-connect", addr, "-verify_return_error"}, args...)...)}
	c.in, err = c.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.cmd.Stderr = c.cmd.Stdout
	c.out = bufio.NewReader(out)
	require.NoError(t, c.cmd.Start())
	return c
}

// echoes says a line and reads up to its echo.
//
// Quirk(openssl): what it prints of the session is buffered, and the echo is not,
// so the one comes in the middle of the other.
func (c *sClient) echoes(line string) {
	c.t.Helper()
	_, err := io.WriteString(c.in, line+"\n")
	require.NoError(c.t, err)
	for !strings.Contains(c.said.String(), line+"\n") {
		got, err := c.out.ReadString('\n')
		c.said.WriteString(got)
		require.NoError(c.t, err, "openssl said: %s", &c.said)
	}
}

// end closes openssl's standard input, and returns all that it has printed.
func (c *sClient) end() (said string, err error) {
	c.in.Close()
	rest, _ := io.ReadAll(c.out)
	c.said.Write(rest)
	return c.said.String(), c.cmd.Wait()
}

func TestTLSWithOpenSSL(t *testing.T) {
	dir := t.TempDir()
	addr, _ := child.Start(t, "-certs", dir)
	ca := []string{"-CAfile", filepath.Join(dir, certs.CAFile)}
	for _, version := range []string{"1.2", "1.3"} {
		flag := "-tls" + strings.Replace(version, ".", "_", 1)
		t.Run("TLS "+version+" with ALPN", func(t *testing.T) {
			c := openssl(t, addr, append(ca, flag, "-alpn", "later,echo")...)
			c.echoes("hello from openssl")
			c.echoes("and once more")
			said, err := c.end()
			require.NoError(t, err, said)
			require.Contains(t, said, "New, TLSv"+version)
			require.Contains(t, said, "ALPN protocol: echo")
			require.Contains(t, said, "Verification: OK")
		})
		t.Run("a session of "+version+" is resumed", func(t *testing.T) {
			session := filepath.Join(t.TempDir(), "session")
			c := openssl(t, addr, append(ca, flag, "-sess_out", session)...)
			c.echoes("the ticket of 1.3 comes with it")
			said, err := c.end()
			require.NoError(t, err, said)
			require.Contains(t, said, "New, TLSv"+version)
			c = openssl(t, addr, append(ca, flag, "-sess_in", session)...)
			c.echoes("again")
			said, err = c.end()
			require.NoError(t, err, said)
			require.Contains(t, said, "Reused, TLSv"+version)
		})
	}
	t.Run("TLS 1.1 is refused", func(t *testing.T) {
		said, err := openssl(t, addr, append(ca, "-tls1_1", "-cipher", "ALL@SECLEVEL=0")...).end()
		require.Error(t, err, said)
		require.Contains(t, said, "alert protocol version")
	})
	t.Run("another protocol is refused", func(t *testing.T) {
		said, err := openssl(t, addr, append(ca, "-alpn", "h2")...).end()
		require.Error(t, err, said)
		require.Contains(t, said, "alert no application protocol")
	})
}

func TestTLSClientCertificatesWithOpenSSL(t *testing.T) {
	dir, foreign := t.TempDir(), t.TempDir()
	require.NoError(t, certs.Make(foreign))
	addr, _ := child.Start(t, "-certs", dir, "-client-auth", "required")
	pair := func(dir string) []string {
		return []string{"-CAfile", filepath.Join(dir, certs.CAFile),
			"-cert", filepath.Join(dir, "client.pem"), "-key", filepath.Join(dir, "client.key")}
	}
	for _, flag := range []string{"-tls1_2", "-tls1_3"} {
		c := openssl(t, addr, append(pair(dir), flag)...)
		c.echoes("somebody we know")
		said, err := c.end()
		require.NoError(t, err, said)
	}
	t.Run("a stranger's is refused", func(t *testing.T) {
		args := pair(foreign)
		args[1] = filepath.Join(dir, certs.CAFile) // it trusts the server
		c := openssl(t, addr, append(args, "-tls1_2")...)
		said, err := c.end()
		require.Error(t, err, said)
		require.Contains(t, said, "alert unknown ca")
	})
	t.Run("none is refused", func(t *testing.T) {
		c := openssl(t, addr, "-CAfile", filepath.Join(dir, certs.CAFile), "-tls1_2")
		said, err := c.end()
		require.Error(t, err, said)
		require.Contains(t, said, "alert handshake failure")
	})
}
