package exercise

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mutant is a bug, planted into a copy of one of our files. A stale event is none
// of them: without the check in slots.find one is no more than a spurious event,
// which hurts nobody, as the exerciser shows in every run.
type mutant struct{ bug, file, was, becomes string }

var mutants = []mutant{
	{"a lost wake-up", "reactor/source.go",
		"if r&poller.Readable != 0 {\n\t\ts.wake(In, nil)",
		"if r == poller.Readable {\n\t\ts.wake(In, nil)"},
	{"a dropped partial write", "coro/conn_io.go",
		"n += part\n",
		"if n += part; part > 0 {\n\t\t\tn = len(p)\n\t\t}\n"},
	{"a descriptor used after its end", "reactor/source.go",
		"if !s.registered {\n\t\treturn net.ErrClosed\n\t}\n\tif !s.ready[d] {",
		"if s.loop == nil {\n\t\treturn net.ErrClosed\n\t}\n\tif !s.ready[d] && s.registered {"},
	{"a close before the data has drained", "reactor/conn_close.go",
		"c.state = connDraining\n",
		"c.finish(nil)\n\tc.abort = false\n\treturn nil\n"},
	{"a timer that fires twice", "reactor/turn.go",
		"t.target.Run()",
		"t.target.Run()\n\tt.target.Run()"},
	{"a timer that is early", "reactor/timer.go",
		"if e.when > now ||",
		"if e.when > now+100*time.Microsecond ||"},
	{"a cancelled waiter left in its queue", "coro/line.go",
		"if w.queued {\n\t\tq.remove(w)\n\t}\n",
		""},
	{"a value handed to a cancelled waiter", "coro/queue.go",
		"if w.task.wake(result) {",
		"if w.task.wake(result) || true {"},
	{"an end of stream missed after a short read", "reactor/source.go",
		"err == nil && n < len(p) && !s.readOn",
		"err == nil && n < len(p)"},
	{"a buffer without a limit", "reactor/conn_write.go",
		"c.out.size+len(rest) > c.opts.HardLimit",
		"c.out.size+len(rest) > 1<<30"},
	{"a high-water mark that is not kept", "reactor/conn_write.go",
		"c.paused |= pausedByOutput\n\t\tc.src.Cancel(In)\n",
		""},
	{"an OnClose that comes twice", "reactor/conn_close.go",
		"c.handler.OnClose(c, c.reason)",
		"c.handler.OnClose(c, c.reason)\n\tc.handler.OnClose(c, c.reason)"},
	{"a mutex handed to nobody", "coro/mutex.go",
		"m.give(w.task)",
		"_ = w"},
	{"a budget that is not kept", "reactor/listener.go",
		"range l.limits.AcceptsPerTurn",
		"range 100 * l.limits.AcceptsPerTurn"},
	{"a cancellation that undoes what has completed", "coro/task.go",
		"func (t *task) resumed() error {\n",
		"func (t *task) resumed() error {\n\tif t.scope.cause != nil && t.waits.cancellable() {\n\t\tt.result = t.scope.cause\n\t}\n"},
}

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

// mostHunted is within how many seeds a bug is to be found.
const mostHunted = "1000"

var seedFound = regexp.MustCompile(`seed \d+, after [^\n]*|panic: [^\n]*|fatal error: [^\n]*`)

// hunt returns what the exerciser has to say of the mutant.
func (m mutant) hunt(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	original := filepath.Join(root, m.file)
	source, err := os.ReadFile(original)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(source), m.was), "%s holds the place once that the bug changes:\n%s", m.file, m.was)

	dir := t.TempDir()
	copied, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(copied, []byte(strings.Replace(string(source), m.was, m.becomes, 1)), 0o600))
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{original: copied}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))

	binary := filepath.Join(dir, "exercise.test")
	out, err := command(t, root, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", binary, "./poller/sim/exercise").CombinedOutput()
	require.NoError(t, err, "compiling the mutant:\n%s", out)
	out, err = command(t, root, binary, "-test.run=^TestExerciserFindsNothing$", "-exercise.seeds="+mostHunted, "-test.timeout=2m").CombinedOutput()
	require.Error(t, err, "%s seeds of a mutant with %s: none fails", mostHunted, m.bug)
	found := seedFound.FindString(string(out))
	require.NotEmpty(t, found, "the exerciser fails, and says how:\n%s", out)
	return found
}

// command is one that ends with the test.
func command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	return c
}
