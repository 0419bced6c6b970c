package lab

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// settings are of echo with two numbers of connections.
func settings(t *testing.T, backends ...string) Settings {
	t.Helper()
	s := Of(scenario.Quick)
	echo, err := scenario.Find("echo")
	require.NoError(t, err)
	s.Scenarios, s.Backends, s.Seed = []scenario.Scenario{echo}, backends, 3
	s.Overrides = map[string][]float64{scenario.Conns: {1, 10}}
	return s
}

func TestOrderIsABlockPerRoundAndPoint(t *testing.T) {
	names := []string{backend.Floor, "reactor", "coro", "net"}
	l, err := New(settings(t, names...))
	require.NoError(t, err)
	again, err := New(settings(t, names...))
	require.NoError(t, err)
	order := l.Order()
	require.Equal(t, order, again.Order(), "a seed gives one order")
	require.Len(t, order, 6*2*len(names))
	orders := map[string]bool{}
	for i := 0; i < len(order); i += len(names) {
		require.Equal(t, len(names), l.block(i))
		var block []string
		for _, step := range order[i:][:len(names)] {
			require.Equal(t, order[i].Round, step.Round)
			require.Equal(t, order[i].Point, step.Point)
			block = append(block, step.Backend)
		}
		require.ElementsMatch(t, names, block)
		orders[strings.Join(block, " ")] = true
	}
	require.Greater(t, len(orders), 1, "blocks are shuffled")
}

func TestTwiceMeasuresOneBackendUnderTwoLabels(t *testing.T) {
	s := settings(t, "reactor")
	s.Twice = "net"
	l, err := New(s)
	require.NoError(t, err)
	require.Len(t, l.Order(), 6*2*2)
	for _, step := range l.order {
		require.Equal(t, "net", step.row.backend.Name)
	}
	require.Equal(t, "net/A", reference(l.rows))
}

func TestPlanLeavesOutWhatCannotBe(t *testing.T) {
	s := settings(t, "net", "processes")
	s.Overrides = map[string][]float64{scenario.Conns: {1, 5000}}
	l, err := New(s)
	require.NoError(t, err)
	require.Len(t, l.Order(), 6*2+1, "quick measures few connections more often than many")
	require.Contains(t, strings.Join(l.Omitted, "; "), "too many connections for processes (1024 fit)")

	echo := s.Scenarios[0]
	echo.Name, echo.Workload = "absurd", "absurd"
	s.Scenarios = []scenario.Scenario{echo}
	_, err = New(s)
	require.ErrorContains(t, err, "nothing can be measured: absurd: not by net, processes")

	s.Backends = []string{"nope"}
	_, err = New(s)
	require.ErrorContains(t, err, "unknown backend")
}

func TestServersOfSeveralProcessesGetEnoughOfThem(t *testing.T) {
	s := settings(t, "prefork", "net")
	s.Overrides = map[string][]float64{scenario.Conns: {10, 500}}
	l, err := New(s)
	require.NoError(t, err)
	l.fit = 100
	for _, step := range l.order {
		want := 0
		if step.row.label == "prefork" && l.connections(step.place) == 500 {
			want = 8
		}
		require.Equal(t, want, l.loops(step))
	}
}

func TestEstimateIsTheSumOfItsSteps(t *testing.T) {
	l, err := New(settings(t, "net", "coro"))
	require.NoError(t, err)
	var sum time.Duration
	for _, s := range l.order {
		sum += l.estimate(s)
	}
	require.Equal(t, sum, l.Estimate())
}

func TestRunIsCutBetweenBlocksOnly(t *testing.T) {
	s := settings(t, "net", "coro")
	s.Budget = time.Nanosecond
	l, err := New(s)
	require.NoError(t, err)
	slow := pace{began: time.Now().Add(-time.Hour), thought: time.Second}
	require.False(t, l.late(0, 2, pace{began: time.Now()}), "something is measured in any case")
	require.False(t, l.late(1, 1, slow))
	require.True(t, l.late(2, 2, slow))
	l.settings.Budget = 24 * 365 * time.Hour
	require.False(t, l.late(2, 2, slow))
}

func TestPaceCorrectsWhatWasThought(t *testing.T) {
	require.Equal(t, time.Second, pace{began: time.Now()}.of(time.Second), "nothing is known yet")
	p := pace{began: time.Now().Add(-time.Hour), thought: time.Minute}
	require.GreaterOrEqual(t, p.of(time.Second), time.Minute)
}

// runs is a generator whose windows have these rates.
type runs struct{ rates []int }

func (r *runs) Run(context.Context, time.Duration) (load.Outcome, error) {
	if len(r.rates) == 0 {
		return load.Outcome{}, errors.New("one run too many")
	}
	rate := r.rates[0]
	r.rates = r.rates[1:]
	if rate < 0 {
		return load.Outcome{Void: "lost"}, nil
	}
	h := hdrhistogram.New(1, int64(time.Hour), 3)
	if err := h.RecordValue(int64(time.Second) / int64(rate)); err != nil {
		return load.Outcome{}, err
	}
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return load.Outcome{Groups: []load.Measured{{
		Received: uint64(rate), Elapsed: time.Second, Latency: load.Histogram(text),
	}}}, err
}

func TestWarmUpEndsWhenTwoWindowsAgree(t *testing.T) {
	for _, c := range []struct {
		name  string
		rates []int
		warm  bool
		last  float64
	}{
		{"at once", []int{100, 100}, true, 100},
		{"after a slow start", []int{100, 200, 300, 309}, true, 309},
		{"never", []int{100, 200, 100, 200}, false, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := &runs{c.rates}
			last, warm, err := warmUp(t.Context(), g, time.Second, 4)
			require.NoError(t, err)
			require.Equal(t, c.warm, warm)
			require.InDelta(t, c.last, last.rate, 1e-9)
			require.Empty(t, g.rates)
		})
	}
	_, _, err := warmUp(t.Context(), &runs{[]int{100, -1}}, time.Second, 4)
	require.EqualError(t, err, "lost")
}

func TestSearchStopsWhenTheMedianIsDecided(t *testing.T) {
	require.False(t, decided([]float64{1}, 5))
	require.True(t, decided([]float64{1, 2}, 5))
	require.False(t, decided([]float64{1, 9}, 5))
	require.True(t, decided([]float64{9, 9}, 5))
	require.True(t, decided([]float64{1, 9, 2}, 5))
}

func TestDisturbanceIsTheTimeOfOthers(t *testing.T) {
	require.False(t, verdict{foreign: disturbance / 2}.disturbed())
	require.True(t, verdict{foreign: disturbance * 2}.disturbed())
	b := bystanders{at: time.Now().Add(-time.Second), known: true}
	v := b.seen(0, 1) // all that the machine has done since it was started
	if _, err := measure.OfMachine(nil); err != nil {
		require.False(t, v.known)
		return
	}
	require.True(t, v.known)
	require.True(t, v.disturbed())
	require.False(t, b.seen(1<<62, 1).foreign > v.foreign, "what is ours is not others'")
}

func TestMarksAreKeptOnce(t *testing.T) {
	s := &taking{sample: result.Sample{}}
	s.mark(markNotWarm)
	s.mark(markLimited)
	s.mark(markNotWarm)
	require.Equal(t, []string{markNotWarm, markLimited}, s.sample.Marks)
}

// A search has many runs, and one that was disturbed decides as much as the others.
func TestSampleIsAsDisturbedAsItsWorstRun(t *testing.T) {
	s := &taking{}
	for _, foreign := range []float64{disturbance / 2, disturbance * 2, 0} {
		s.judge(verdict{foreign: foreign, known: true})
	}
	require.Equal(t, []string{markDisturbed}, s.sample.Marks)
	require.InDelta(t, disturbance*2, s.verdict.foreign, 1e-9)
}

func TestVersionIsWhatWasRun(t *testing.T) {
	require.Contains(t, version(backend.Backend{}, "revision"), "revision, go")
	another := backend.Backend{Absent: func() string { return "" }, Version: func() string { return "server 1.2" }}
	require.Equal(t, "server 1.2", version(another, "revision"))
	another.Version = func() string { return "" }
	require.Equal(t, "unknown", version(another, "revision"), "not this source's")
}
