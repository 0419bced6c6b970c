package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var (
	hundred = result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 100}}
	one     = result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 1}}
)

// drifting is a machine that gets slower from round to round: net is always 1.5
// times the floor, twin is the floor again.
func drifting(rounds int) result.File {
	f := result.File{Run: result.Run{Reference: "floor", Rounds: rounds, Backends: []result.Backend{
		{Name: "floor"}, {Name: "twin"}, {Name: "net"}, {Name: "absent"},
	}}}
	for round := 1; round <= rounds; round++ {
		mood := float64(int(1) << round)
		for i, name := range []string{"net", "twin", "floor"} {
			cpu, switches := mood*4, 0.0
			switch name {
			case "net":
				cpu, switches = cpu*1.5, float64(round)
			case "twin":
				cpu *= 1 + 0.01*float64(i*(round%2*2-1))
			}
			f.Samples = append(f.Samples, result.Sample{
				Step:    result.Step{Round: round, Point: hundred, Backend: name},
				Figures: map[string]float64{result.CPUPerMessage: cpu, result.SwitchesPer: switches},
			})
		}
	}
	return f
}

func TestTableStarsWhatIsProved(t *testing.T) {
	for _, c := range []struct {
		rounds int
		net    string
	}{{5, `1\.50`}, {6, `1\.50\*`}, {8, `1\.50\*\*`}} {
		var out strings.Builder
		require.NoError(t, WriteTables(&out, drifting(c.rounds)))
		require.Regexp(t, `(?m)^ net .* `+c.net+` `, out.String())
		require.Regexp(t, `(?m)^ twin .* 1\.0. `, out.String(), "no star")
		require.Contains(t, out.String(), "echo: what does a message cost")
		require.Contains(t, out.String(), " 100 connections ")
	}
}

func TestTableSaysWhatFailedAndWhatIsMarked(t *testing.T) {
	f := drifting(2)
	f.Samples = append(f.Samples, result.Sample{Step: result.Step{Round: 1, Point: hundred, Backend: "absent"}, Void: "wrong byte echoed"})
	f.Samples[0].Marks = []string{"not warm"}
	f.Samples = append(f.Samples, result.Sample{Step: result.Step{Round: 1, Point: one, Backend: "net"}, Figures: map[string]float64{result.Rate: 5}})
	var out strings.Builder
	require.NoError(t, WriteTables(&out, f))
	require.Contains(t, out.String(), " absent failed: wrong byte echoed\n")
	require.Contains(t, out.String(), " not warm: net 1 of 2\n")
	require.Contains(t, out.String(), " 1 connection ")
	require.Equal(t, 1, strings.Count(out.String(), "echo: "), "a scenario is asked once")
}

func TestTableSaysOfWhatTheFiguresAre(t *testing.T) {
	f := drifting(1)
	for i := range f.Samples {
		f.Samples[i].Point.Scenario = "fanout"
	}
	var out strings.Builder
	require.NoError(t, WriteTables(&out, f))
	require.Contains(t, out.String(), "are per delivery\n")
}

func TestTwiceFindsADifferenceOnlyWhereThereIsOne(t *testing.T) {
	f := drifting(12)
	compared, found := Twice(f)
	require.Equal(t, 2, compared)
	require.Len(t, found, 1)
	require.Contains(t, found[0].String(), "echo connections=100, CPU us: ratio 1.5")

	few, _ := Twice(drifting(5))
	require.Zero(t, few)
}
