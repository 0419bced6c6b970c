package load

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestPlanIsSentWhateverTheServerDoes(t *testing.T) {
	for _, arrivals := range []Arrivals{Fixed, Poisson} {
		t.Run(string(arrivals), func(t *testing.T) {
			// The server gives no answer until 50 requests have come on the one
			// connection: a closed loop would wait for ever after the first.
			const size, rate = 16, 1000.0
			held, total := []byte{}, 0
			addr := serve(t, func(_ int, p []byte) ([]byte, bool) {
				held, total = append(held, p...), total+len(p)
				if total < 50*size {
					return nil, true
				}
				out := held
				held = nil
				return out, true
			})
			e := dialed(t, one(addr, Group{Role: Paced, Conns: 1, Size: size, Rate: rate, Arrivals: arrivals}))
			m := ran(t, e, 200*time.Millisecond)[0]
			require.Equal(t, m.Planned, m.Received)
			require.Greater(t, m.Received, uint64(50))
			for name, h := range map[string]Histogram{"latency": m.Latency, "service": m.Service, "send lag": m.SendLag} {
				require.EqualValues(t, m.Received, times(t, h), name)
			}
			latency, err := m.Latency.Decode()
			require.NoError(t, err)
			// The first one waited for the other 49, which came at about their time.
			require.Greater(t, time.Duration(latency.Max()), 10*time.Millisecond)
			require.GreaterOrEqual(t, m.LongestWait, time.Duration(latency.Max())*99/100)
		})
	}
}

func TestPlanOfAFixedRateHasItsCount(t *testing.T) {
	for _, c := range []struct {
		conns, active, depth int
		rate                 float64
	}{{20, 0, 1, 1000}, {5, 2, 1, 1000}, {4, 0, 5, 1000}} {
		addr := serve(t, echo)
		e := dialed(t, one(addr, Group{Role: Paced, Conns: c.conns, Active: c.active, Depth: c.depth, Size: 8, Rate: c.rate, Arrivals: Fixed, Rotate: time.Duration(c.active) * time.Millisecond}))
		m := ran(t, e, 500*time.Millisecond)[0]
		// Each seat's phase can cost or win it one batch.
		require.InDelta(t, c.rate/2, float64(m.Planned), float64(max(c.conns, c.active)*c.depth))
		require.Zero(t, m.Planned%uint64(c.depth))
	}
}

func TestPlanOfPoissonHasItsRate(t *testing.T) {
	e := engine(t, one("127.0.0.1:1", Group{Role: Paced, Conns: 4, Size: 8, Rate: 1000, Arrivals: Poisson}))
	sum, short := 0.0, 0
	const n = 20_000
	mean := float64(4 * time.Millisecond)
	for range n {
		d := e.distance(&e.seats[0])
		sum += d
		if d < mean {
			short++
		}
	}
	require.InDelta(t, mean, sum/n, mean/20)
	require.InDelta(t, 0.632, float64(short)/n, 0.02, "1-1/e of the distances are below their mean")
}

func TestPlanThatAServerCannotKeepIsVoid(t *testing.T) {
	addr := serve(t, func(int, []byte) ([]byte, bool) { return nil, true })
	e := dialed(t, one(addr, Group{Role: Paced, Conns: 1, Size: 8, Rate: 1000, Arrivals: Fixed}))
	e.held = outstandingMost - 8 // as if others waited
	o, err := e.Run(t.Context(), time.Hour)
	require.NoError(t, err)
	require.Contains(t, o.Void, "the server cannot keep the planned rate")
	require.Positive(t, o.Groups[0].Planned)
	require.ErrorIs(t, e.Touch(t.Context()), errSpent)
}

func TestPlanAllocatesOnlyForAStall(t *testing.T) {
	e := dialed(t, one(serve(t, echo), Group{Role: Paced, Conns: 10, Size: 64, Rate: 5000, Arrivals: Poisson}))
	c := &e.conns[0]
	for len(c.flights) < 64 {
		c.head, c.tail = 3, 3+uint64(len(c.flights))
		for k := c.head; k < c.tail; k++ {
			c.flight(k).planned = time.Duration(k)
		}
		require.True(t, e.grow(c))
		for k := c.head; k < c.tail; k++ {
			require.Equal(t, time.Duration(k), c.flight(k).planned, "growing keeps what is there")
		}
	}
}

func TestAgendaGivesTheEarliest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a agenda
		var model []time.Duration
		earliest := func() int {
			at := 0
			for i := range model {
				if model[i] < model[at] {
					at = i
				}
			}
			return at
		}
		moment := rapid.Map(rapid.IntRange(0, 50), func(n int) time.Duration { return time.Duration(n) })
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				at := moment.Draw(t, "at")
				a.add(entry{at: at})
				model = append(model, at)
			},
			"postpone": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip()
				}
				i := earliest()
				model[i] += moment.Draw(t, "by")
				a.postpone(model[i])
			},
			"drop": func(t *rapid.T) {
				if len(model) == 0 {
					t.Skip()
				}
				i := earliest()
				model = append(model[:i], model[i+1:]...)
				a.drop()
			},
			"": func(t *rapid.T) {
				if len(a) != len(model) {
					t.Fatalf("%d entries, want %d", len(a), len(model))
				}
				if len(a) > 0 && a[0].at != model[earliest()] {
					t.Fatalf("the earliest is %d, want %d", a[0].at, model[earliest()])
				}
			},
		})
	})
}

func TestPaceEndsALongWaitEarly(t *testing.T) {
	e := &Engine{}
	for _, c := range []struct{ until, spin, want time.Duration }{
		{100 * time.Microsecond, 0, 100 * time.Microsecond},
		{100 * time.Microsecond, 60 * time.Microsecond, 40 * time.Microsecond},
		{50 * time.Microsecond, 60 * time.Microsecond, 0},
		{time.Second, 0, 980 * time.Millisecond},
	} {
		e.spec.Spin = c.spin
		require.Equal(t, c.want, e.pace(c.until))
	}
}

func TestAnswersThatNeverComeMakeARunVoid(t *testing.T) {
	e := engine(t, one("127.0.0.1:1", Group{Role: Paced, Conns: 1, Size: 8, Rate: 1, Arrivals: Fixed}))
	e.phase, e.owed, e.deadline = running, 3, time.Second
	e.now = e.deadline + drainLimit
	require.False(t, e.over())
	e.now++
	require.True(t, e.over())
	require.Equal(t, "3 answers were missing 34s after the end", e.void)
}

// A plan may have nothing to send for longer than an answer may take.
func TestPatienceBeginsWithWhatIsDue(t *testing.T) {
	e := dialed(t, one(serve(t, echo), Group{Role: Paced, Conns: 1, Size: 8, Rate: 0.01, Arrivals: Fixed}))
	e.phase = running
	e.begin(time.Hour)
	e.now += 2 * stallLimit
	require.NoError(t, e.plan(&e.conns[0], e.now))
	left, err := e.patience()
	require.NoError(t, err)
	require.Equal(t, stallLimit, left)
}

func TestPlanOfATinyRateSendsNothing(t *testing.T) {
	for _, arrivals := range []Arrivals{Fixed, Poisson} {
		for _, rate := range []float64{1e-12, 1e-300, math.SmallestNonzeroFloat64} {
			e := dialed(t, one(serve(t, echo), Group{Role: Paced, Conns: 2, Size: 8, Rate: rate, Arrivals: arrivals}))
			require.Zero(t, ran(t, e, time.Millisecond)[0].Planned, "%v messages a second", rate)
		}
	}
}
