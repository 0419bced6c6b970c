package scenario

import (
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// times is a histogram of these milliseconds.
func times(t *testing.T, ms ...int) load.Histogram {
	h := hdrhistogram.New(100, int64(time.Minute), 3)
	for _, v := range ms {
		require.NoError(t, h.RecordValue(int64(v)*int64(time.Millisecond)))
	}
	text, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	return load.Histogram(text)
}

func TestScenarioAsksForLoadsThatExist(t *testing.T) {
	for _, s := range All {
		for _, profile := range []Profile{Quick, Full} {
			seen := map[string]bool{}
			for _, a := range s.Points(profile) {
				a = a.Resolve(20_000)
				key := s.At(a).Key()
				require.False(t, seen[key], "%s is there twice", key)
				seen[key] = true
				require.NotEmpty(t, Describe(a))
				if s.Searches && a[Rate] == 0 {
					a = a.WithRate(100)
				}
				groups := s.Groups(a)
				require.NoError(t, load.Spec{Server: "127.0.0.1:1", Groups: groups}.Check(), key)
				require.Positive(t, Total(groups))
			}
		}
		require.NotEmpty(t, s.Points(Full), s.Name)
		require.NotEmpty(t, s.Question)
		for _, name := range slices.Concat(s.Shows, s.Draws) {
			_, known := result.FindMetric(name)
			require.True(t, known, "%s shows %s", s.Name, name)
		}
	}
}

func TestScenarioSetsFiguresThatAreKnown(t *testing.T) {
	for _, s := range All {
		for _, a := range s.Points(Full) {
			a = a.Resolve(20_000)
			r := everything(t, s.Groups(a.WithRate(100)))
			if s.Searches && a[Rate] == 0 {
				highest := 5000.0
				r.Highest = &highest
			}
			f := s.Figures(a, r)
			require.NotEmpty(t, f)
			for name := range f {
				_, known := result.FindMetric(name)
				require.True(t, known, "%s sets %s", s.Name, name)
			}
			if s.Searches && a[Rate] == 0 {
				require.Equal(t, Figures{result.HighestRate: 5000}, f)
				continue
			}
			for name, v := range f {
				require.GreaterOrEqual(t, v, 0.0, "%s %s", s.Name, name)
			}
		}
		// Nothing was measured: no figure, and no division by zero.
		for name, v := range s.Figures(s.Points(Full)[0], Reading{}) {
			require.Equal(t, result.MostConnections, name, "%v", v)
		}
	}
}

// everything is a reading in which all is measured, with 1000 messages per group.
func everything(t *testing.T, groups []load.Group) Reading {
	r := Reading{Elapsed: time.Second, Server: &measure.Usage{CPU: 500 * time.Millisecond, Voluntary: 100}}
	calls := uint64(300)
	r.Calls = &calls
	for _, g := range groups {
		h := times(t, 1, 2, 3)
		r.Outcome.Groups = append(r.Outcome.Groups, load.Measured{
			Group: g.Name, Planned: 1000, Sent: 1000, Received: 1000, Elapsed: time.Second,
			Latency: h, Service: h, SendLag: h, Slow: h, Connect: h, Skew: h,
			PerConn: []uint64{1, 1}, LongestWait: time.Millisecond,
		})
	}
	r.CallsOutcome = r.Outcome
	r.Outcome.CPU = 100 * time.Millisecond
	for i := range int64(3) {
		r.Memory = append(r.Memory, Memory{
			Conns: int(i+1) * 1000, User: 1 << 20 * (i + 1), Kernel: 1 << 21 * (i + 1), Live: uint64(1000 * (i + 1)), Threads: 5,
		})
	}
	r.After = &Memory{Conns: 3000, User: 4 << 20}
	return r
}

func TestFiguresDivideByMessages(t *testing.T) {
	a := Axes{Conns: 3000, Size: 64, Depth: 1}
	f := echo.Figures(a, everything(t, echo.Groups(a)))
	require.InDelta(t, 1000, f[result.Rate], 1e-9)
	require.InDelta(t, 500, f[result.CPUPerMessage], 1e-9)
	require.InDelta(t, 100, f[result.GeneratorCPUPer], 1e-9)
	require.InDelta(t, 0.3, f[result.CallsPerMessage], 1e-9)
	require.InDelta(t, 0.1, f[result.SwitchesPer], 1e-9)
	require.InDelta(t, 0.5, f[result.ServerBusy], 1e-9)
	require.InDelta(t, 2000, f[result.P50], 10)
	require.InDelta(t, 3000, f[result.Longest], 10)
}

func TestMemoryIsTheSlopeOverTheSteps(t *testing.T) {
	a := Axes{Conns: 3000, Active: 30}
	f := idle.Figures(a, everything(t, idle.Groups(a)))
	require.InDelta(t, float64(1<<20)/1000, f[result.MemoryPerConn], 1e-6)
	require.InDelta(t, float64(1<<21)/1000, f[result.KernelPerConn], 1e-6)
	require.InDelta(t, 1, f[result.LivePerConn], 1e-9)
	require.InDelta(t, 5, f[result.Threads], 1e-9)

	few := everything(t, nil)
	for i := range few.Memory {
		few.Memory[i].Conns = i + 1
	}
	f = few.memory()
	require.NotContains(t, f, result.MemoryPerConn, "a few connections say nothing about pages")
	require.NotContains(t, f, result.KernelPerConn)
}

func TestFiguresThatNobodyKnowsAreAbsent(t *testing.T) {
	a := Axes{Conns: 3000, Size: 64, Depth: 1}
	r := everything(t, echo.Groups(a))
	r.Server.Lost = true
	f := echo.Figures(a, r)
	require.NotContains(t, f, result.SwitchesPer)
	require.NotContains(t, f, result.SwitchesPerSec)
	require.Contains(t, f, result.CPUPerMessage)

	for i := range r.Memory { // of a server of several processes
		r.Memory[i].Live, r.Memory[i].Threads = 0, 0
	}
	f = idle.Figures(a, r)
	require.NotContains(t, f, result.LivePerConn)
	require.NotContains(t, f, result.Threads)
	require.Contains(t, f, result.MemoryPerConn)
}

func TestStragglersCostWhatWasAddedSinceAllWereOpen(t *testing.T) {
	a := Axes{Conns: 100, Rate: 1000, stragglers: 20}
	f := straggler.Figures(a, everything(t, straggler.Groups(a)))
	require.InDelta(t, float64(1<<20)/20, f[result.StragglersMemory], 1e-6)
}

func TestFairJudgesTheLightOnes(t *testing.T) {
	a := Axes{Conns: 2, hogs: 1}
	r := everything(t, fair.Groups(a))
	r.Outcome.Groups[0].PerConn = []uint64{10, 0}
	f := fair.Figures(a, r)
	require.InDelta(t, 0.5, f[result.Jain], 1e-9)
	require.InDelta(t, 1000, f[result.LongestWait], 1e-9)
	require.InDelta(t, 1000, f[result.HogRate], 1e-9, "at whose expense")
	require.NotContains(t, fair.Figures(Axes{Conns: 2, hogs: 0}, everything(t, fair.Groups(Axes{Conns: 2}))), result.HogRate)
}

func TestFanoutCountsDeliveries(t *testing.T) {
	a := Axes{Conns: 10}
	r := everything(t, fanout.Groups(a))
	r.Outcome.Groups[1].Received = 10_000
	f := fanout.Figures(a, r)
	require.InDelta(t, 10_000, f[result.Deliveries], 1e-9)
	require.InDelta(t, 50, f[result.CPUPerMessage], 1e-9)
	require.Contains(t, f, result.SkewP99)
}

func TestOverrideReplacesAnAxis(t *testing.T) {
	points := along(Axes{Size: 64, Depth: 1}, Conns, 1, 100)
	require.Equal(t, points, Override(points, Conns, nil))
	require.Equal(t, points, Override(points, "absent", []float64{1}))
	require.Equal(t, along(Axes{Size: 64, Depth: 1}, Conns, 7, 8), Override(points, Conns, []float64{7, 8}))
	require.Equal(t, "8 connections, depth 1, 64 B", Describe(Axes{Size: 64, Depth: 1, Conns: 8}))
}

func TestAsManyAsFitIsANumberOnceTheLimitIsKnown(t *testing.T) {
	a := Axes{Conns: 2 * PerProcess, Size: 64}
	require.Equal(t, Axes{Conns: 39_800, Size: 64}, a.Resolve(19_950))
	require.Equal(t, Axes{Conns: 90}, Axes{Conns: PerProcess}.Resolve(90))
	require.Equal(t, Axes{Conns: 5}, Axes{Conns: 5}.Resolve(90))
}

func TestFindNamesWhatThereIs(t *testing.T) {
	for _, name := range Names() {
		s, err := Find(name)
		require.NoError(t, err)
		require.Equal(t, name, s.Name)
	}
	_, err := Find("nope")
	require.ErrorContains(t, err, `unknown scenario "nope"; there are: echo, `)
	var p Profile
	require.NoError(t, p.UnmarshalText([]byte("full")))
	require.ErrorContains(t, p.UnmarshalText([]byte("huge")), `unknown profile "huge"`)
	require.Less(t, len(Of(Quick)), len(All))
	require.Len(t, Of(Full), len(All))
}

func TestSearchEndsBelowTheHighestRateThatHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		edge := rapid.Float64Range(1000, 100_000).Draw(t, "edge")
		high := edge * rapid.Float64Range(1, 3).Draw(t, "high")
		tries := 0
		found, err := Highest(high, func(rate float64) (bool, error) {
			tries++
			return rate <= edge, nil
		})
		require.NoError(t, err)
		require.LessOrEqual(t, found, edge)
		require.GreaterOrEqual(t, found, edge-closeEnough*high-1)
		require.LessOrEqual(t, tries, maxTries)
	})
	found, err := Highest(1000, func(rate float64) (bool, error) { return rate <= 1500, nil })
	require.NoError(t, err)
	require.InDelta(t, 1500, found, 150, "where it begins is a guess, and not a limit")
	none, err := Highest(1000, func(float64) (bool, error) { return false, nil })
	require.NoError(t, err)
	require.Zero(t, none)
	_, err = Highest(1000, func(float64) (bool, error) { return false, load.ErrClosed })
	require.ErrorIs(t, err, load.ErrClosed)
}
