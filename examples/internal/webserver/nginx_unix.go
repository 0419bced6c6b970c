//go:build unix

package webserver

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Nginx serves a directory by nginx: one process, with further directives for its
// server block.
func Nginx(t *testing.T, dir, directives string) *Server {
	t.Helper()
	path := installed(t, "nginx", "nginx-light")
	addr, release := reservePort(t)
	defer release()
	prefix := t.TempDir()
	config := fmt.Sprintf(`
daemon off;
master_process off;
pid %[1]s/pid;
error_log stderr notice;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  types { text/html html; }
  server { listen %[2]s reuseport; root %[3]s; %[4]s }
}`, prefix, addr, dir, directives)
	require.NoError(t, os.WriteFile(filepath.Join(prefix, "conf"), []byte(config), 0o600))
	cmd := exec.Command(path, "-p", prefix, "-e", "stderr", "-c", filepath.Join(prefix, "conf"))
	said, err := cmd.StderrPipe()
	require.NoError(t, err)
	s := run(t, cmd)
	s.Addr = addr
	waitFor(t, said, "event method") // it listens by then
	return s
}

// reservePort binds a free port, without listening: nobody else gets it, but who asks
// for it with SO_REUSEPORT.
func reservePort(t *testing.T) (addr string, release func()) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	unix.CloseOnExec(fd)
	require.NoError(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	at, err := unix.Getsockname(fd)
	require.NoError(t, err)
	port := uint16(at.(*unix.SockaddrInet4).Port)
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String(), func() { _ = unix.Close(fd) }
}
