package report

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func sample(round int, backend string, cpu, switches Figure) Sample {
	f := Unmeasured()
	f[CPU], f[Switches] = cpu, switches
	return Sample{Round: round, Backend: backend, Conns: 100, Figures: f}
}

// drifting is a machine that gets slower from round to round: the backend is
// always 1.5 times the floor.
var drifting = []Sample{
	sample(1, "floor", 4, 0), sample(1, "net", 6, 1),
	sample(2, "net", 12, 2), sample(2, "floor", 8, 0),
	sample(3, "floor", 16, 0), sample(3, "net", 24, 3),
	{Round: 3, Backend: "net", Conns: 1},
}

func TestSummarizePairsByRound(t *testing.T) {
	row := Summarize(drifting, "net", 100, "floor")
	require.EqualValues(t, 12, row.Median[CPU])
	require.EqualValues(t, 1.5, row.Ratio[CPU])
	require.EqualValues(t, 2, row.Median[Switches])
	require.False(t, row.Ratio[Switches].Measured(), "nothing is divided by zero")
	require.False(t, row.Median[P50].Measured())
}

func TestSummarizeWithoutTheReferenceHasNoRatio(t *testing.T) {
	row := Summarize(drifting, "net", 100, "absent")
	require.EqualValues(t, 12, row.Median[CPU])
	require.False(t, row.Ratio[CPU].Measured())
}

func TestMedianOfAnEvenNumberIsBetween(t *testing.T) {
	require.EqualValues(t, 2.5, median([]float64{4, 1, 3, 2}))
	require.False(t, median(nil).Measured())
}

func TestSlopeIgnoresTheOffset(t *testing.T) {
	slope, err := Slope([]float64{5000, 10000, 15000}, []float64{1e6 + 5000*300, 1e6 + 10000*300, 1e6 + 15000*300})
	require.NoError(t, err)
	require.InDelta(t, 300, slope, 1e-6)
	_, err = Slope([]float64{1}, []float64{2})
	require.Error(t, err)
}

func TestFiguresSurviveJSON(t *testing.T) {
	before := Unmeasured()
	before[CPU], before[Rate] = 6.25, 1e5
	data, err := json.Marshal(before)
	require.NoError(t, err)
	require.Contains(t, string(data), `"p50_us":null`)
	var after Figures
	require.NoError(t, json.Unmarshal(data, &after))
	require.EqualValues(t, 6.25, after[CPU])
	require.False(t, after[P50].Measured())
	require.Error(t, json.Unmarshal([]byte(`{}`), &after), "a missing key is not a zero")
}

func TestTableSaysWhatFailed(t *testing.T) {
	r := &Report{Settings: Settings{Conns: []int{100}, Reference: "floor"}}
	r.Rows = []Row{
		Summarize(drifting, "floor", 100, "floor"),
		{Backend: "gnet", Conns: 100, Failed: "wrong byte echoed", Median: Unmeasured(), Ratio: Unmeasured()},
		Summarize(drifting, "net", 100, "floor"),
	}
	var out strings.Builder
	require.NoError(t, r.WriteTable(&out))
	require.Contains(t, out.String(), "gnet failed: wrong byte echoed\n")
	require.Regexp(t, `net .* 12\.00 +1\.50 +2\.000 +- `, out.String())
}

func TestIdleTableSaysWhatFailed(t *testing.T) {
	var out strings.Builder
	require.NoError(t, WriteIdleTable(&out, "9 connections", []IdleRow{
		{Backend: "net", LiveBytes: 4321, Memory: NotMeasured},
		{Backend: "gnet", Failed: "server gnet has ended"},
	}))
	require.Regexp(t, `net +4321 +- `, out.String())
	require.Contains(t, out.String(), "gnet failed: server gnet has ended\n")
}

func TestFileIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	f, err := Create(path)
	require.NoError(t, err)
	f.Close()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "nothing is left of a report that was not written")

	f, err = Create(path)
	require.NoError(t, err)
	require.NoError(t, f.Write(&Report{Schema: Schema}))
	f.Close()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, json.Valid(data))
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1)

	_, err = Create(filepath.Join(dir, "absent", "out.json"))
	require.Error(t, err)
}
