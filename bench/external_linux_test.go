package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/bench/backend"
)

// descendants opens a pidfd of every process below one.
func descendants(t *testing.T, pid int) (pidfds []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	require.NoError(t, err)
	for _, list := range lists {
		text, _ := os.ReadFile(list) // the thread may have ended
		for field := range strings.FieldsSeq(string(text)) {
			var child int
			_, err := fmt.Sscan(field, &child)
			require.NoError(t, err)
			pidfd, err := unix.PidfdOpen(child, 0)
			require.NoError(t, err)
			t.Cleanup(func() { unix.Close(pidfd) })
			pidfds = append(append(pidfds, pidfd), descendants(t, child)...)
		}
	}
	return pidfds
}

func TestExternalBackendEndsWithAKilledServer(t *testing.T) {
	for _, b := range backend.Registry {
		if !b.External() {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			if hint := b.Absent(); hint != "" {
				t.Skip("not installed: " + hint)
			}
			t.Setenv("TMPDIR", t.TempDir()) // a killed server cleans nothing up
			args := []string{"--addr=127.0.0.1:0"}
			if !b.Offers(backend.Echo) {
				args = append(args, "--workload=http")
			}
			s := serve(t, b.Name, args...)
			children := descendants(t, s.cmd.Process.Pid)
			require.NotEmpty(t, children)
			require.NoError(t, s.cmd.Process.Kill())
			for _, pidfd := range children {
				ended := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
				const limit = 10_000 // milliseconds
				n, err := unix.Poll(ended, limit)
				for err == unix.EINTR {
					n, err = unix.Poll(ended, limit)
				}
				require.NoError(t, err)
				require.Equal(t, 1, n, "a process of %s lives on", b.Name)
			}
		})
	}
}

func TestWebServerKeepsItsConnections(t *testing.T) {
	for _, b := range backend.Registry {
		if b.Offers(backend.Echo) {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			if hint := b.Absent(); hint != "" {
				t.Skip("not installed: " + hint)
			}
			conns := 600
			if b.Name == "apache-prefork" {
				conns = 20 // it starts its processes slowly
			}
			s := serve(t, b.Name, "--addr=127.0.0.1:0", "--workload=http", "--loops=1")
			o := finish(t, loadOf(t, s.addr, fmt.Sprintf("--role=http --warmup=300ms --conns=%d", conns)))
			require.Equal(t, exitOK, o.status, "%+v", o)
			s.stop(t, unix.SIGTERM)
		})
	}
}
