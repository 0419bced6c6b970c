package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/result"
)

// trial makes the figures of models as fast as can be. They mean nothing.
const trial = " --effort=100us --rounds=1 --seed=7"

func modelsFile(t *testing.T, args string) (result.File, outcome) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "models.jsonl")
	o := finish(t, command(t, strings.Fields("models --json="+path+trial+" "+args)...))
	require.Equal(t, exitOK, o.status, o.stderr)
	f, err := result.Read(path)
	require.NoError(t, err)
	return f, o
}

func TestModelsMeasuresEveryKind(t *testing.T) {
	f, o := modelsFile(t, "")
	require.NotContains(t, o.stderr, "not measured: create")
	require.NotNil(t, f.End)
	require.False(t, f.End.Interrupted)
	require.EqualValues(t, 7, f.Run.Seed)
	require.NotEmpty(t, f.Run.Host.CPU)
	require.NotEmpty(t, f.Run.Argv)
	table := models.Table(f.Models)
	for _, kind := range models.Kinds {
		require.NotEmpty(t, table.Models(kind), "%s: %s", kind, o.stderr)
	}
	for _, p := range models.Probes() {
		require.True(t, slices.ContainsFunc(f.Models, func(m result.Model) bool {
			return m.Model == p.Model && strings.HasPrefix(m.Quantity, p.What)
		}) || strings.HasPrefix(p.What, models.SwitchQueued), "%s: %s", p.Name(), o.stderr)
	}
	for _, m := range f.Models {
		require.Positive(t, m.Samples, "%+v", m)
		require.LessOrEqual(t, m.Low, m.High, "%+v", m)
	}
	require.Contains(t, o.stdout, "the selection table")
	require.Contains(t, o.stderr, "about ")

	requireCrashes(t, table, o.stderr)
	page := finish(t, command(t, "report", "-o", "-", strings.TrimPrefix(lastLine(o.stdout), "results in ")))
	require.Equal(t, exitOK, page.status, page.stderr)
	require.Contains(t, page.stdout, "which model when")
}

// requireCrashes checks what a panic and a kill take: counts, and no matter of speed.
func requireCrashes(t *testing.T, table models.Table, said string) {
	t.Helper()
	for model, lost := range map[string][2]float64{ // of a panic, of a kill
		models.Process: {0, 0}, models.Thread: {1, 1}, models.Goroutine: {1, 1}, models.Task: {0, 1}, models.Callback: {0, 1},
	} {
		for i, want := range lost {
			got, known := table.Value(model, models.Faults[i].Quantity(models.OthersLost))
			require.True(t, known, said)
			require.Equal(t, want, got, "%s, %v", model, models.Faults[i])
		}
	}
	some, known := table.Value(models.Prefork, models.Faults[1].Quantity(models.OthersLost))
	require.True(t, known, said)
	require.Positive(t, some)
	require.Less(t, some, 1.0)
}

// A deferred close would end the connection before the process, and the others could
// be answered in between.
func TestAConnectionOfAHandlerThatPanicsEndsWithItsProcess(t *testing.T) {
	for _, name := range []string{"net", "threads"} {
		for range 10 {
			others, err := models.Crash(t.Context(), name, models.Faults[0])
			require.NoError(t, err)
			require.Zero(t, others.AtOnce+others.Late, "%s: %+v", name, others)
		}
	}
}

func TestModelsKeepsToWhatIsAskedFor(t *testing.T) {
	f, _ := modelsFile(t, "--kinds=create --models=task,goroutine")
	require.Len(t, f.Models, 2)
}

func TestModelsRefusesKindsThatAModelDoesNotHave(t *testing.T) {
	for _, args := range []string{"--models=prefork --kinds=create", "--models=callback --kinds=job"} {
		requireRefused(t, finish(t, command(t, strings.Fields("models "+args)...)), "none of these models has a figure of these kinds")
	}
}

// endlessModels starts a run of models, and returns when its file has figures.
func endlessModels(t *testing.T) (cmd *exec.Cmd, stderr *bytes.Buffer, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "models.jsonl")
	cmd = command(t, strings.Fields("models --json="+path+" --kinds=create,memory,fit --models=goroutine --rounds=2500 --effort=100us")...)
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	require.NoError(t, cmd.Start())
	for {
		require.NoError(t, cmd.Process.Signal(syscall.Signal(0)), "it ended: %s", stderr)
		// At any moment the file is none, or a whole one.
		f, err := result.Read(path)
		if err == nil && len(f.Models) > 3 && f.Models[0].Samples > 1 {
			return cmd, stderr, path
		}
		if err != nil && !errors.Is(err, result.ErrDamaged) { // the head is under way
			require.ErrorIs(t, err, fs.ErrNotExist)
		}
	}
}

func TestModelsInterruptedKeepsWhatWasMeasured(t *testing.T) {
	cmd, stderr, path := endlessModels(t)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.Error(t, cmd.Wait())
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	f, err := result.Read(path)
	require.NoError(t, err)
	require.NotNil(t, f.End)
	require.True(t, f.End.Interrupted)
	require.Equal(t, fmt.Sprintf("bench: interrupted; %d of 7500 measurements are in %s", models.Taken(f), path), lastLine(stderr.String()))
}

func TestModelsKilledKeepsWhatWasMeasured(t *testing.T) {
	cmd, _, path := endlessModels(t)
	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	f, err := result.Read(path)
	require.NoError(t, err)
	require.Nil(t, f.End)
	require.Positive(t, models.Taken(f))
	for _, m := range f.Models {
		if models.Kind(m.Quantity) != "fit" {
			require.Len(t, m.Values, m.Samples)
		}
	}
	page := finish(t, command(t, "report", "-o", "-", path))
	require.Equal(t, exitOK, page.status, page.stderr)
	require.Contains(t, page.stdout, fmt.Sprintf("This run was killed: its file has no end. %d of 7500 measurements were taken.", models.Taken(f)))
}

func TestModelsOnAFullDiskIsOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models.jsonl")
	require.NoError(t, os.Mkdir(path+".part", 0o755)) // where each step's file is written
	o := finish(t, command(t, strings.Fields("models --json="+path+trial+" --kinds=create --models=goroutine")...))
	require.Equal(t, exitUsage, o.status, o.stderr)
	require.Contains(t, lastLine(o.stderr), "bench: ")
	require.Contains(t, lastLine(o.stderr), "0 of 1 measurements are in "+path)
	f, err := result.Read(path)
	require.NoError(t, err)
	require.True(t, f.End.Interrupted)
}

// A run of one model, or one that was interrupted, must not decide against the rest.
func TestAdviseRefusesFiguresThatAreNotOfEveryModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models.jsonl")
	o := finish(t, command(t, strings.Fields("models --kinds=switch,memory --models=goroutine --json="+path+trial)...))
	require.Equal(t, exitOK, o.status, o.stderr)
	requireRefused(t, finish(t, command(t, "advise", "--connections=100", "--results="+path)), "of every model")
}

func TestAdviseAnswersFromFigures(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models.jsonl")
	o := finish(t, command(t, strings.Fields("models --kinds=switch,memory,fit --json="+path+trial)...))
	require.Equal(t, exitOK, o.status, o.stderr)
	o = finish(t, command(t, "advise", "--connections=100", "--results="+path))
	require.Equal(t, exitOK, o.status, o.stderr)
	require.Contains(t, o.stdout, "take: goroutine")
	require.Contains(t, o.stdout, "because ")
	require.Contains(t, o.stdout, "in the kernel for their sockets")
	require.Contains(t, o.stdout, "the second is: ")
	require.Contains(t, o.stdout, path)
}

func TestAdviseMeasuresWhatIsMissing(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures for some seconds")
	}
	cmd := command(t, "advise", "--connections=100", "--memory=1GB")
	o := finish(t, cmd)
	require.Equal(t, exitOK, o.status, o.stderr)
	require.Contains(t, o.stderr, "measured now")
	again := command(t, "advise", "--connections=100", "--memory=1GB")
	again.Dir = cmd.Dir
	o = finish(t, again)
	require.Equal(t, exitOK, o.status, o.stderr)
	require.NotContains(t, o.stderr, "measured now")
}
