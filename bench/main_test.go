package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/poller/leaktest"
)

// asBench makes this test binary behave as the command. It is set for all
// tests, so that processes started by a test, and by those, are benches.
const asBench = "WEFT_BENCH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asBench) != "" {
		backend.Registry = append(backend.Registry, badBackends...)
		main()
	}
	os.Setenv(asBench, "1")
	// The race detector sleeps for a second before a process ends, to catch
	// goroutines in the act; here these are other processes' ends.
	os.Setenv("GORACE", os.Getenv("GORACE")+" atexit_sleep_ms=0")
	leaktest.Main(m)
}

// patience is how long a process of a test may run. It is there so that one
// that hangs fails its test, and does not outlive the tests.
const patience = 2 * time.Minute

// command prepares a bench process.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = t.TempDir() // results go to the folder it runs in
	return cmd
}

// outcome is how a process ended.
type outcome struct {
	status         int
	stdout, stderr string
}

// finish runs a process to its end.
func finish(t *testing.T, cmd *exec.Cmd) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// requireRefused checks for one line that begins with the program's name and
// contains text, and exit status 2.
func requireRefused(t *testing.T, o outcome, text string) {
	t.Helper()
	require.Equal(t, exitUsage, o.status, "%+v", o)
	require.Empty(t, o.stdout)
	require.Equal(t, 1, strings.Count(o.stderr, "\n"), "one line: %q", o.stderr)
	require.True(t, strings.HasPrefix(o.stderr, "bench: "), "%q", o.stderr)
	require.Contains(t, o.stderr, text)
}
