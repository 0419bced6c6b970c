package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// family finds processes by a mark in their environment, which every process
// inherits from the one that started it.
type family string

func (f family) members(t *testing.T) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	var pids []int
	for _, file := range files {
		// A process that is gone, or another user's, is not of the family.
		if environ, err := os.ReadFile(file); err == nil && bytes.Contains(environ, []byte(f)) {
			pid, err := strconv.Atoi(strings.Split(file, "/")[2])
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// running is a comparison that will not end by itself, with a server started.
func running(t *testing.T, args ...string) (cmd *exec.Cmd, f family, stdout, stderr *bytes.Buffer) {
	t.Helper()
	f = family(fmt.Sprintf("WEFT_BENCH_TEST_FAMILY=%d.%s", os.Getpid(), t.Name()))
	cmd = command(t, append([]string{"--backends=net", "--conns=5", "--duration=1h"}, args...)...)
	cmd.Env = append(os.Environ(), string(f))
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for len(f.members(t)) < 2 {
		require.NoError(t, cmd.Process.Signal(syscall.Signal(0)), "it ended: %s", stderr)
	}
	return cmd, f, stdout, stderr
}

func TestInterruptEndsTheServersAndPrintsNothing(t *testing.T) {
	dir := t.TempDir()
	cmd, f, stdout, stderr := running(t, "--json="+filepath.Join(dir, "out.json"))
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, cmd.Wait())
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	require.Empty(t, stdout.String())
	require.Equal(t, "bench: interrupted", lastLine(stderr.String()))
	require.Empty(t, f.members(t), "no process is left")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "no half a report is left")
}

func TestServerDoesNotOutliveAKilledBench(t *testing.T) {
	cmd, f, _, _ := running(t)
	var servers []int
	for _, pid := range f.members(t) {
		if pid != cmd.Process.Pid {
			servers = append(servers, pid)
		}
	}
	require.Len(t, servers, 1)
	server, err := unix.PidfdOpen(servers[0], 0)
	if err == unix.ENOSYS {
		t.Skip("the kernel has no pidfd_open")
	}
	require.NoError(t, err)
	defer unix.Close(server)

	require.NoError(t, cmd.Process.Kill())
	// A process's descriptor is readable when it has ended.
	n, err := 0, error(unix.EINTR)
	for err == unix.EINTR { // our own child's end is a signal
		n, err = unix.Poll([]unix.PollFd{{Fd: int32(server), Events: unix.POLLIN}}, int(patience.Milliseconds()))
	}
	require.NoError(t, err)
	require.Equal(t, 1, n, "the server still runs")
}

func TestServeWithControlEndsWithItsInput(t *testing.T) {
	cmd := command(t, "serve", "--backend=net", "--addr=127.0.0.1:0", "--control")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	say := func(command string) string {
		_, err := in.Write([]byte(command))
		require.NoError(t, err)
		require.True(t, lines.Scan())
		return lines.Text()
	}
	require.Contains(t, say(""), "listening on 127.0.0.1:")
	require.Contains(t, say("stats\n"), `"live_bytes":`)
	require.Contains(t, say("usage\n"), `"cpu_ns":`)
	require.NoError(t, in.Close())
	require.False(t, lines.Scan())
	require.NoError(t, cmd.Wait())
}
