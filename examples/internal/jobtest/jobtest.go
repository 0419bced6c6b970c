package jobtest

import (
	"fmt"
	"strings"
	"testing"

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
		// Long enough for a machine that is busy to start two more meanwhile.
		lines := run(t, "-job", "500ms")
		var started, ended []string
		for i, line := range lines[:6] {
			require.True(t, strings.HasPrefix(line, "job "), "line %d of %q", i, lines)
			which, what, _ := strings.Cut(strings.TrimPrefix(line, "job "), " ")
			if strings.HasPrefix(what, "starts") {
				require.Empty(t, ended, "%q", lines)
				started = append(started, which)
			} else {
				ended = append(ended, which)
			}
		}
		require.Equal(t, []string{"1", "2", "3"}, started)
		require.ElementsMatch(t, started, ended)
	})
}

// run is what the example printed: three starts, three ends, and the total.
func run(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := child.Command(args...).CombinedOutput()
	require.NoError(t, err, "it said: %s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 7, "%s", out)
	require.Regexp(t, `^total: \d+\.\d s$`, lines[6])
	return lines
}
