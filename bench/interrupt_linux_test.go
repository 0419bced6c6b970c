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

	"github.com/weft-go/weft/bench/result"
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

// running is a run that will not end by itself.
type running struct {
	cmd            *exec.Cmd
	family         family
	stdout, stderr bytes.Buffer
	path           string // of its results
}

// start starts one and waits until a server and a generator are at work: they are
// there together only while a sample is taken.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{
		family: family(fmt.Sprintf("WEFT_BENCH_TEST_FAMILY=%d.%s", os.Getpid(), t.Name())),
		path:   filepath.Join(t.TempDir(), "out.jsonl"),
	}
	r.cmd = command(t, append([]string{"--backends=net", "--conns=5", "--json=" + r.path}, args...)...)
	r.cmd.Env = append(os.Environ(), string(r.family))
	r.cmd.Stdout, r.cmd.Stderr = &r.stdout, &r.stderr
	require.NoError(t, r.cmd.Start())
	t.Cleanup(func() { r.cmd.Process.Kill(); r.cmd.Wait() })
	for len(r.family.members(t)) < 3 {
		require.NoError(t, r.cmd.Process.Signal(syscall.Signal(0)), "it ended: %s", &r.stderr)
	}
	return r
}

func TestInterruptKeepsWhatWasMeasured(t *testing.T) {
	r := start(t, "--duration=5ms", "--warmup=1ms", "--rounds=2000")
	for {
		f, err := result.Read(r.path)
		if err == nil && len(f.Samples) > 0 {
			break
		}
	}
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, r.cmd.Wait())
	require.Equal(t, exitInterrupted, r.cmd.ProcessState.ExitCode())
	require.Empty(t, r.stdout.String())
	require.Empty(t, r.family.members(t), "no process is left")
	f, err := result.Read(r.path)
	require.NoError(t, err)
	require.NotNil(t, f.End)
	require.True(t, f.End.Interrupted)
	require.Equal(t, fmt.Sprintf("bench: interrupted; %d of 2000 samples are in %s", len(f.Samples), r.path),
		lastLine(r.stderr.String()))
}

func TestInterruptEndsASampleThatIsBeingTaken(t *testing.T) {
	r := start(t, "--duration=1h")
	require.NoError(t, r.cmd.Process.Signal(syscall.SIGINT))
	require.Error(t, r.cmd.Wait())
	require.Equal(t, exitInterrupted, r.cmd.ProcessState.ExitCode())
	require.Empty(t, r.stdout.String())
	require.Empty(t, r.family.members(t), "no process is left")
	require.Contains(t, lastLine(r.stderr.String()), "bench: interrupted; 0 of ")
}

func TestChildrenDoNotOutliveAKilledBench(t *testing.T) {
	r := start(t, "--duration=1h")
	var children []int
	for _, pid := range r.family.members(t) {
		if pid == r.cmd.Process.Pid {
			continue
		}
		pidfd, err := unix.PidfdOpen(pid, 0)
		if err == unix.ENOSYS {
			t.Skip("the kernel has no pidfd_open")
		}
		require.NoError(t, err)
		defer unix.Close(pidfd)
		children = append(children, pidfd)
	}
	require.Len(t, children, 2)
	require.NoError(t, r.cmd.Process.Kill())
	for _, child := range children {
		// A process's descriptor is readable when it has ended.
		n, err := 0, error(unix.EINTR)
		for err == unix.EINTR { // our own child's end is a signal
			n, err = unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		}
		require.NoError(t, err)
		require.Equal(t, 1, n, "a child still runs")
	}
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
