package jobtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// Jobs runs the example both ways.
func Jobs(t *testing.T) {
	t.Run("in turn, a job starts when the one before has ended", func(t *testing.T) {
		lines := run(t, "-in-turn", "-job", "20ms")
		for i := range 3 {
			require.True(t, strings.HasPrefix(lines[2*i], fmt.Sprintf("job %d starts", i+1)), "line %d of %q", 2*i, lines)
			require.True(t, strings.HasPrefix(lines[2*i+1], fmt.Sprintf("job %d ends", i+1)), "line %d of %q", 2*i+1, lines)
		}
	})
	t.Run("otherwise all have started before the first one ends", func(t *testing.T) {
		LongEnough(func(job time.Duration) (again bool) {
			lines := run(t, "-job", job.String())
			var started, ended []string
			for i, line := range lines[:6] {
				require.True(t, strings.HasPrefix(line, "job "), "line %d of %q", i, lines)
				which, what, _ := strings.Cut(strings.TrimPrefix(line, "job "), " ")
				if strings.HasPrefix(what, "starts") {
					if len(ended) > 0 && job < Longest {
						return true
					}
					require.Empty(t, ended, "%q", lines)
					started = append(started, which)
				} else {
					ended = append(ended, which)
				}
			}
			require.Equal(t, []string{"1", "2", "3"}, started)
			require.ElementsMatch(t, started, ended)
			return false
		})
	})
}

// Longest is how long a job is that is long enough on any machine.
//
// Bound: one that stands still for some seconds while three jobs are started.
const Longest = 32 * time.Second

// LongEnough calls test with longer and longer jobs, up to Longest, until it does not
// ask for another one: a machine that is busy, or stands still, takes its time to do
// what has to be done during a job.
func LongEnough(test func(job time.Duration) (again bool)) {
	for job := Longest / 64; test(job); job = min(8*job, Longest) {
	}
}

// run is what the example printed: three starts, three ends, and the total.
func run(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := child.Command(args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	require.NoError(t, err, "it said: %s", &said)
	require.Empty(t, child.WithoutStalls(said.String()), "what it said on its standard error")
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 7, "%s", out)
	require.Regexp(t, `^total: \d+\.\d s$`, lines[6])
	return lines
}
