package webserver

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Server is a server as a process.
type Server struct {
	Addr string // 127.0.0.1 and its port
	cmd  *exec.Cmd
	dead bool
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() {
	if s.dead {
		return
	}
	s.dead = true
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func installed(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: apt-get install %s", name, pkg)
	}
	return path
}

// Python serves a directory by Python's http.server.
func Python(t *testing.T, dir string) *Server {
	t.Helper()
	return Program(t, " port ", installed(t, "python3", "python3"), "-u", "-m", "http.server", "-b", "127.0.0.1", "-d", dir, "0")
}

// Program is any other server: the first line that it prints has its port, after
// these words.
func Program(t *testing.T, before string, args ...string) *Server {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	s := run(t, cmd)
	port := regexp.MustCompile(regexp.QuoteMeta(before) + `(\d+)`).FindStringSubmatch(waitFor(t, out, before))
	require.NotNil(t, port, "the port of %v", args)
	s.Addr = "127.0.0.1:" + port[1]
	return s
}

func run(t *testing.T, cmd *exec.Cmd) *Server {
	t.Helper()
	require.NoError(t, cmd.Start())
	s := &Server{cmd: cmd}
	t.Cleanup(s.Kill)
	return s
}

// waitFor reads a server's words up to a line with these, and drops what it says
// later.
func waitFor(t *testing.T, out io.Reader, words string) (line string) {
	t.Helper()
	said := bufio.NewReader(out)
	var all strings.Builder
	for !strings.Contains(line, words) {
		var err error
		line, err = said.ReadString('\n')
		all.WriteString(line)
		require.NoError(t, err, "a server that has not said %q; it said: %s", words, &all)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }() // up to its end
	return line
}

// Noise writes a file of n random bytes, and returns them.
func Noise(t *testing.T, dir, name string, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b) // never fails
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), b, 0o600))
	return b
}

// Zeros makes a file of n bytes that takes no room.
func Zeros(t *testing.T, dir, name string, n int64) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.NoError(t, os.Truncate(path, n))
}

// Sum is a line with the length and the SHA-256 of bytes.
func Sum(b []byte) string {
	h := sha256.New()
	_, _ = h.Write(b) // never fails
	return fmt.Sprintf("%d %x\n", len(b), h.Sum(nil))
}
