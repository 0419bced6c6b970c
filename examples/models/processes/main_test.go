package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/jobtest"
)

func TestMain(m *testing.M) { child.Main(m, main) }

func TestJobsRunInTurnOrAtTheSameTime(t *testing.T) { jobtest.Jobs(t) }

func TestJobThatIsKilledTakesNoOther(t *testing.T) {
	// Long enough to kill it on a machine that is busy.
	cmd := child.Command("-job", "2s")
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
			require.NoError(t, job.Kill())
		}
		if strings.Contains(lines.Text(), "ends") {
			ends = append(ends, lines.Text())
		}
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Len(t, ends, 3)
	require.NotEqual(t, "job 1 ends: exit status 0", ends[0])
	require.Equal(t, []string{"job 2 ends: exit status 0", "job 3 ends: exit status 0"}, ends[1:])
	require.Equal(t, "processes: 1 failed\n", stderr.String())
}
