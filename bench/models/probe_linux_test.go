package models

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tiny makes a probe as short as it can be. Its figures mean nothing.
var tiny = Effort{Time: 100 * time.Microsecond, Units: 0.05, Rounds: 100, Pauses: 40, PauseLength: 10 * time.Microsecond}

func TestProbesGiveEveryFigure(t *testing.T) {
	for _, p := range Probes() {
		t.Run(p.Name(), func(t *testing.T) {
			figures, err := p.Measure(tiny)
			if errors.Is(err, errNoSwitch) {
				t.Skip("two that yield on two processors: ", err)
			}
			require.NoError(t, err)
			require.NotEmpty(t, figures)
			for _, f := range figures {
				t.Log(f)
				require.False(t, math.IsNaN(f.Value) || math.IsInf(f.Value, 0), "%+v", f)
				require.NotEmpty(t, f.Unit)
				require.True(t, strings.HasPrefix(f.Quantity, p.What), "%+v", f)
				if Kind(f.Quantity) != "memory" && !strings.HasSuffix(f.Quantity, JobLost) && !strings.HasSuffix(f.Quantity, JobSwitches) {
					require.Positive(t, f.Value, "%+v", f)
				}
			}
		})
	}
}
