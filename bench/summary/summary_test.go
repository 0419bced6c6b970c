package summary

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/stats"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var (
	few  = result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 1}}
	many = result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 100}}
)

// file has ten rounds of three backends at two points. Each round has its mood,
// which is much larger than the differences.
func file() result.File {
	f := result.File{Run: result.Run{Reference: "floor", Backends: []result.Backend{{Name: "floor"}, {Name: "same"}, {Name: "slower"}, {Name: "absent"}}}}
	for round := 1; round <= 10; round++ {
		for _, point := range []result.Point{many, few} {
			mood := float64(round)
			for backend, value := range map[string]float64{"floor": mood, "same": mood * (1 + 0.01*float64(round%2*2-1)), "slower": mood * 1.2} {
				f.Samples = append(f.Samples, result.Sample{
					Step:    result.Step{Round: round, Point: point, Backend: backend},
					Figures: map[string]float64{result.CPUPerMessage: value, "a_new_figure": 1},
				})
			}
		}
	}
	return f
}

func TestSummaryComparesInPairs(t *testing.T) {
	s := Of(file())
	require.Len(t, s.Points, 2)
	require.Equal(t, many.Key(), s.Points[0].Key(), "points are in the file's order")
	for _, p := range s.Points {
		require.Len(t, p.Rows, 3, "an absent backend has no row")
		require.Equal(t, "floor", p.Rows[0].Backend)
		slower, ok := p.Find("slower")
		require.True(t, ok)
		cell := slower.Cells[result.CPUPerMessage]
		require.InDelta(t, 1.2, cell.Against.Ratio.Center, 1e-9)
		require.Equal(t, stats.Larger, cell.Verdict())
		require.Greater(t, cell.P, cell.Against.P, "corrected for the other comparisons")
		same, _ := p.Find("same")
		require.Equal(t, stats.NoDifference, same.Cells[result.CPUPerMessage].Verdict())
		floor, _ := p.Find("floor")
		require.Equal(t, 1.0, floor.Cells[result.CPUPerMessage].Against.Ratio.Center)
		require.Equal(t, 5.5, floor.Cells[result.CPUPerMessage].Median.Center)
	}
	_, ok := s.Points[0].Find("absent")
	require.False(t, ok)
}

func TestSummaryKeepsMetricsItDoesNotKnow(t *testing.T) {
	s := Of(file())
	require.Len(t, s.Metrics, 2)
	require.Equal(t, result.CPUPerMessage, s.Metrics[0].Name)
	require.Equal(t, "a_new_figure", s.Metrics[1].Title)
}

func TestSummaryUsesNoVoidSample(t *testing.T) {
	f := file()
	for i := range f.Samples {
		if s := &f.Samples[i]; s.Backend == "slower" && s.Round > 3 {
			s.Void = "the server died"
			s.Figures = nil
		} else if s.Backend == "slower" {
			s.Marks = []string{"not warm"}
		}
	}
	row, _ := Of(f).Points[0].Find("slower")
	require.Equal(t, 3, row.Samples)
	require.Equal(t, 7, row.Void)
	require.Equal(t, "the server died", row.Why)
	require.Equal(t, map[string]int{"not warm": 3}, row.Marks)
	require.Equal(t, stats.TooFew, row.Cells[result.CPUPerMessage].Verdict())
}

func TestSummaryOfNothingIsEmpty(t *testing.T) {
	s := Of(result.File{})
	require.Empty(t, s.Points)
	require.Empty(t, s.Metrics)
}

// A block that was left out in the first round may be there in the second.
func TestSummaryKeepsAScenarioTogether(t *testing.T) {
	var f result.File
	for _, key := range []string{"echo", "idle", "echo", "churn", "idle"} {
		f.Samples = append(f.Samples, result.Sample{Step: result.Step{Point: result.Point{
			Scenario: key, Axes: map[string]float64{"connections": float64(len(f.Samples))},
		}}})
	}
	var order []string
	for _, p := range Of(f).Points {
		order = append(order, p.Key())
	}
	require.Equal(t, []string{"echo connections=0", "echo connections=2", "idle connections=1", "idle connections=4", "churn connections=3"}, order)
}
