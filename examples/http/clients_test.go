package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/certs"
	"github.com/weft-go/weft/examples/internal/child"
)

// tool runs a client that was not written here, or skips. The name of its package
// is that of Debian's.
func tool(t *testing.T, pkg, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("no %s: apt-get install %s", name, pkg)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %q said: %s", name, args, out)
	return string(out)
}

func curl(t *testing.T, args ...string) string {
	t.Helper()
	return tool(t, "curl", "curl", append([]string{"--silent", "--show-error", "--max-time", "600"}, args...)...)
}

// patient is a server that waits for clients however slow the machine is.
var patient = []string{"-header-timeout", "10m", "-body-timeout", "10m", "-answer-timeout", "10m"}

// eachScheme runs a test with the example as a process, in the clear and over TLS;
// args are what curl needs for it.
func eachScheme(t *testing.T, test func(t *testing.T, url string, args []string)) {
	t.Run("http", func(t *testing.T) {
		addr, _ := child.Start(t, patient...)
		test(t, "http://"+addr, nil)
	})
	t.Run("https", func(t *testing.T) {
		dir := t.TempDir()
		addr, _ := child.Start(t, append(patient, "-tls", "-certs", dir)...)
		test(t, "https://"+addr, []string{"--cacert", filepath.Join(dir, certs.CAFile)})
	})
}

func TestHTTPWithCurl(t *testing.T) {
	eachScheme(t, func(t *testing.T, url string, args []string) {
		curl := func(t *testing.T, more ...string) string { return curl(t, append(args, more...)...) }
		t.Run("requests share a connection", func(t *testing.T) {
			out := curl(t, "--http1.1", "--write-out", "%{http_version} %{num_connects}\n", url, url, url)
			require.Equal(t, strings.Repeat(welcome+"1.1 1\n", 1)+strings.Repeat(welcome+"1.1 0\n", 2), out)
		})
		t.Run("HTTP/1.0 ends the connection", func(t *testing.T) {
			require.Equal(t, welcome+"1", curl(t, "--http1.0", "--write-out", "%{num_connects}", url))
		})
		t.Run("100 MB go up and come back", func(t *testing.T) {
			dir := t.TempDir()
			there, back := filepath.Join(dir, "there"), filepath.Join(dir, "back")
			want := make([]byte, 100_000_000)
			_, _ = rand.NewChaCha8([32]byte{}).Read(want) // never fails
			require.NoError(t, os.WriteFile(there, want, 0o600))
			for _, framing := range []string{"Expect: 100-continue", "Transfer-Encoding: chunked"} {
				out := curl(t, "--header", framing, "--upload-file", there, "--output", back, "--write-out", "%{http_code}", url+"/echo")
				require.Equal(t, "200", out)
				got, err := os.ReadFile(back)
				require.NoError(t, err)
				require.True(t, bytes.Equal(want, got), "%s: %d bytes, or others", framing, len(got))
			}
		})
		t.Run("it waits for 100 Continue, and gets it", func(t *testing.T) {
			out := curl(t, "--verbose", "--header", "Expect: 100-continue", "--data", "hello", url+"/echo")
			require.Contains(t, out, "< HTTP/1.1 100 Continue")
			require.Contains(t, out, "hello")
		})
		t.Run("a header that is too long is refused", func(t *testing.T) {
			out := curl(t, "--header", "X: "+strings.Repeat("x", 10_000), "--output", os.DevNull, "--write-out", "%{http_code}", url)
			require.Equal(t, "431", out)
		})
	})
}

// curl reads the refusal of a body although it is still sending.
func TestHTTPWithCurlABodyThatIsTooLongIsRefused(t *testing.T) {
	addr, _ := child.Start(t, "-max-body", "1000000")
	file := filepath.Join(t.TempDir(), "large")
	require.NoError(t, os.WriteFile(file, make([]byte, 20_000_000), 0o600))
	for _, expect := range []string{"Expect:", "Expect: 100-continue"} {
		require.Equal(t, "413", curl(t, "--header", expect, "--upload-file", file, "--output", os.DevNull, "--write-out", "%{http_code}", addr+"/echo"))
	}
}

// clients is how many the load generators are.
func clients() string {
	if child.Race {
		return "10" // a handshake is 10 ms of computing then, and all of them come in one turn
	}
	return "100"
}

func TestHTTPWithWrk(t *testing.T) {
	eachScheme(t, func(t *testing.T, url string, _ []string) {
		out := tool(t, "wrk", "wrk", "-t", "1", "-c", clients(), "-d", "1s", "--timeout", "60s", url)
		require.Contains(t, out, "requests in")
		require.NotContains(t, out, "Socket errors")
		require.NotContains(t, out, "Non-2xx")
	})
}

func TestHTTPWithH2load(t *testing.T) {
	eachScheme(t, func(t *testing.T, url string, _ []string) {
		for _, pipelined := range []string{"1", "16"} {
			out := tool(t, "nghttp2-client", "h2load", "--h1", "-n", "20000", "-c", clients(), "-m", pipelined, url)
			require.Contains(t, out, "20000 succeeded, 0 failed, 0 errored, 0 timeout")
		}
	})
}

// The program's own probe says whether others are served meanwhile.
func TestHTTPWithSlowhttptest(t *testing.T) {
	addr, _ := child.Start(t, "-header-timeout", "1s", "-body-timeout", "1s")
	for name, args := range map[string][]string{
		"slow headers": {"-H", "-u", "http://" + addr + "/"},
		"slow bodies":  {"-B", "-s", "8192", "-u", "http://" + addr + "/echo"},
	} {
		t.Run(name, func(t *testing.T) {
			// 200 connections at once; a byte every second; for 100 s, if it may; a probe
			// of 60 s. It ends when its connections have, after some two seconds.
			out := tool(t, "slowhttptest", "slowhttptest", append(args, "-c", "200", "-r", "200", "-i", "1", "-l", "100", "-p", "60")...)
			require.Contains(t, out, "No open connections left", "all were ended before the time was over")
			require.Contains(t, out, "YES", "others are served")
			require.NotContains(t, out, "NO\x1b")
			require.Equal(t, welcome, curl(t, addr))
		})
	}
}
