package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/jobtest"
)

func TestMain(m *testing.M) { child.Main(m, main) }

func TestJobsRunInTurnOrAtTheSameTime(t *testing.T) { jobtest.Jobs(t) }

func TestJobThatIsKilledTakesNoOther(t *testing.T) {
	jobtest.LongEnough(func(job time.Duration) (again bool) { return !killFirst(t, job) && job < jobtest.Longest })
}

// killFirst kills the first job, and reports false if that had ended by then.
func killFirst(t *testing.T, length time.Duration) (killed bool) {
	t.Helper()
	cmd := child.Command("-job", length.String())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var ends []string
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if process, first := strings.CutPrefix(lines.Text(), "job 1 starts: process "); first {
			pid, err := strconv.Atoi(process)
			require.NoError(t, err)
			job, err := os.FindProcess(pid)
			require.NoError(t, err)
			_ = job.Kill() // which fails if it has ended
		}
		if strings.Contains(lines.Text(), "ends") {
			ends = append(ends, lines.Text())
		}
	}
	err = cmd.Wait()
	if err == nil && length < jobtest.Longest {
		return false
	}
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Len(t, ends, 3)
	require.NotEqual(t, "job 1 ends: exit status 0", ends[0])
	require.Equal(t, []string{"job 2 ends: exit status 0", "job 3 ends: exit status 0"}, ends[1:])
	require.Equal(t, "processes: 1 failed\n", stderr.String())
	return true
}
