package exercise

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestExerciserFindsPlantedBugs compiles the packages with one bug each (go test
// -overlay, so nothing in them knows of it), and lets the exerciser look for it.
func TestExerciserFindsPlantedBugs(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the packages once for each bug")
	}
	for _, m := range mutants {
		t.Run(m.bug, func(t *testing.T) {
			t.Parallel()
			t.Logf("found by %s", m.hunt(t))
		})
	}
}

// What the mutant with the stale event needs besides is no bug by itself.
func TestTrustInAHangUpIsHarmlessWithoutStaleEvents(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the packages once more")
	}
	out, err := mutant{"trust in a hang-up", trustInHangUp}.run(t)
	require.NoError(t, err, "%s seeds:\n%s", mostHunted, out)
}

// mostHunted is within how many seeds a bug is to be found.
const mostHunted = "1000"

var seedFound = regexp.MustCompile(`seed \d+, after [^\n]*|panic: [^\n]*|fatal error: [^\n]*`)

// hunt returns what the exerciser has to say of the mutant.
func (m mutant) hunt(t *testing.T) string {
	t.Helper()
	out, err := m.run(t)
	require.Error(t, err, "%s seeds of a mutant with %s: none fails", mostHunted, m.bug)
	found := seedFound.FindString(out)
	require.NotEmpty(t, found, "the exerciser fails, and says how:\n%s", out)
	return found
}

// run compiles the mutant and lets the exerciser loose on it.
func (m mutant) run(t *testing.T) (out string, err error) {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	dir := t.TempDir()
	replace, err := json.Marshal(map[string]any{"Replace": m.plant(t, root, dir)})
	require.NoError(t, err)
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "exercise.test")
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	printed, err := command(t, root, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./poller/sim/exercise").CombinedOutput()
	require.NoError(t, err, "compiling the mutant:\n%s", printed)
	printed, err = command(t, root, binary, "-test.run=^TestExerciserFindsNothing$", "-exercise.seeds="+mostHunted, "-test.timeout=2m").CombinedOutput()
	return string(printed), err
}

// plant writes changed copies of the files to dir, and returns which file is
// replaced by which.
func (m mutant) plant(t *testing.T, root, dir string) map[string]string {
	t.Helper()
	sources, replaced := map[string]string{}, map[string]string{}
	for i, e := range m.edits {
		original := filepath.Join(root, e.file)
		if replaced[original] == "" {
			source, err := os.ReadFile(original)
			require.NoError(t, err)
			sources[original], replaced[original] = string(source), filepath.Join(dir, fmt.Sprintf("mutant%d.go", i))
		}
		require.Equal(t, 1, strings.Count(sources[original], e.was), "%s holds the place once that the bug changes:\n%s", e.file, e.was)
		sources[original] = strings.Replace(sources[original], e.was, e.becomes, 1)
	}
	for original, source := range sources {
		require.NoError(t, os.WriteFile(replaced[original], []byte(source), 0o600))
	}
	return replaced
}

// command is one that ends with the test.
func command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	return c
}
