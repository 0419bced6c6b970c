package change

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var point = result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 100}}

// run has ten rounds on a machine that is as slow as mood; coro needs factor times
// what floor does.
func run(seed uint64, mood, factor float64) result.File {
	random := rand.New(rand.NewPCG(seed, 0))
	f := result.File{Run: result.Run{Reference: "floor", Backends: []result.Backend{{Name: "floor"}, {Name: "coro"}}}}
	for round := 1; round <= 10; round++ {
		weather := mood * (1 + random.Float64())
		for _, b := range []struct {
			name string
			cost float64
		}{{"floor", 1}, {"coro", factor}} { // in this order, or the same seed would not be the same run
			v := 6 * weather * b.cost * (1 + 0.01*random.NormFloat64())
			f.Samples = append(f.Samples, result.Sample{
				Step:    result.Step{Round: round, Point: point, Backend: b.name},
				Figures: map[string]float64{result.CPUPerMessage: v, result.Rate: 1e6 / v},
			})
		}
	}
	return f
}

func find(t *testing.T, all []Change, backend, metric string) Change {
	t.Helper()
	for _, c := range all {
		if c.Backend == backend && c.Metric.Name == metric {
			return c
		}
	}
	t.Fatalf("no change of %s of %s", metric, backend)
	return Change{}
}

func TestChangeIsFoundBelowTheMoodOfTheMachine(t *testing.T) {
	all := Of(run(1, 1, 1.10), run(2, 1.5, 1.05))
	c := find(t, all, "coro", result.CPUPerMessage)
	require.True(t, c.Relative)
	require.True(t, c.Real(), "%+v", c)
	require.True(t, c.Improved())
	require.InDelta(t, 1.05/1.10, c.Factor, 0.01)
	require.Greater(t, c.After.Center, c.Before.Center, "although the machine was slower")
	rate := find(t, all, "coro", result.Rate)
	require.True(t, rate.Real())
	require.True(t, rate.Improved())
	floor := find(t, all, "floor", result.CPUPerMessage)
	require.False(t, floor.Relative)
}

func TestChangeIsNotFoundWhereThereIsNone(t *testing.T) {
	wrong := 0
	const trials = 200
	for i := range uint64(trials) {
		if find(t, Of(run(2*i, 1, 1.1), run(2*i+1, 1.3, 1.1)), "coro", result.CPUPerMessage).Real() {
			wrong++
		}
	}
	require.Less(t, wrong, trials*8/100)
}

func TestChangeIsOfWhatBothHave(t *testing.T) {
	a, b := run(1, 1, 1), run(2, 1, 1)
	b.Samples = b.Samples[:2]
	for _, c := range Of(a, b) {
		require.False(t, c.Enough)
		require.False(t, c.Real())
	}
	for i := range b.Samples {
		b.Samples[i].Point.Scenario = "other"
	}
	require.Empty(t, Of(a, b))
	b = run(2, 1, 1)
	b.Run.Reference = "coro"
	require.False(t, find(t, Of(a, b), "coro", result.CPUPerMessage).Relative)
}

func TestDifferencesNameTheMachine(t *testing.T) {
	a := result.Run{Host: measure.Host{Kernel: "6.18"}, Sysctls: map[string]string{"net.core.somaxconn": "4096"}}
	b := result.Run{Host: measure.Host{Kernel: "6.19"}, Sysctls: map[string]string{"net.core.somaxconn": "128"}}
	require.Empty(t, Differences(a, a))
	all := Differences(a, b)
	require.Len(t, all, 2)
	require.Equal(t, "net.core.somaxconn: 4096, and now 128", all[0])
}

func TestDifferencesNameHowItWasMeasured(t *testing.T) {
	a := result.Run{
		Revision: "aa", Settings: map[string]string{"duration": "800ms"}, Environment: map[string]string{"GOGC": "50"},
		Backends: []result.Backend{{Name: "gnet", Version: "gnet v1"}, {Name: "net", Version: "aa, go1.26"}, {Name: "gone"}},
	}
	b := result.Run{
		Revision: "aa", Modified: true, Settings: map[string]string{"duration": "120ms"}, Environment: map[string]string{"GOMAXPROCS": "1"},
		Backends: []result.Backend{{Name: "net", Version: "aa, go1.26"}, {Name: "gnet", Version: "gnet v2"}},
	}
	require.Equal(t, []string{
		"environment GOGC: 50, and now not set",
		"environment GOMAXPROCS: not set, and now 1",
		"setting duration: 800ms, and now 120ms",
		"the revision: aa, and now aa (modified)",
		"version of gnet: gnet v1, and now gnet v2",
	}, Differences(a, b))
}

func TestAloneIsWhatTheOtherHasNot(t *testing.T) {
	a, b := run(1, 1, 1), run(2, 1, 1)
	require.Empty(t, Alone(a, b))
	b.Samples = b.Samples[:1] // of floor
	require.Equal(t, "1 of 2 rows, the first is coro at echo connections=100", Alone(a, b))
	require.Empty(t, Alone(b, a))
}

func TestUnfinishedSaysHowARunEnded(t *testing.T) {
	f := run(1, 1, 1)
	f.Run.Order = make([]result.Step, 30)
	require.Equal(t, "killed after 20 of 30 samples", Unfinished(f))
	f.End = &result.End{Interrupted: true}
	require.Equal(t, "interrupted after 20 of 30 samples", Unfinished(f))
	f.End = &result.End{}
	require.Empty(t, Unfinished(f))
	about := result.File{
		Run:    result.Run{Order: []result.Step{{Round: 1, Point: result.Point{Scenario: "create"}, Backend: "task"}, {Round: 2, Point: result.Point{Scenario: "create"}, Backend: "task"}}},
		Models: []result.Model{{Model: "task", Quantity: "create", Samples: 1}},
	}
	require.Equal(t, "killed after 1 of 2 measurements", Unfinished(about))
}

// Two runs of the same thing have hundreds of figures, of which one in twenty would be
// a change if each were tested by itself.
func TestManyFiguresOfTheSameThingHaveNotChanged(t *testing.T) {
	many := func(seed uint64) result.File {
		random := rand.New(rand.NewPCG(seed, 0))
		f := run(seed, 1, 1)
		for i := range f.Samples {
			for k := range 20 {
				p := result.Point{Scenario: "echo", Axes: map[string]float64{"connections": float64(k)}}
				f.Samples = append(f.Samples, result.Sample{
					Step:    result.Step{Round: f.Samples[i].Round, Point: p, Backend: f.Samples[i].Backend},
					Figures: map[string]float64{result.CPUPerMessage: 6 * (1 + 0.01*random.NormFloat64())},
				})
			}
		}
		return f
	}
	wrong := 0
	const trials = 30
	for i := range uint64(trials) {
		if slices.ContainsFunc(Of(many(2*i), many(2*i+1)), Change.Real) {
			wrong++
		}
	}
	require.LessOrEqual(t, wrong, trials*20/100)
}
