package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestMedianHasAnIntervalFromSixValuesOn(t *testing.T) {
	five := Median([]float64{5, 1, 4, 2, 3})
	require.Equal(t, 3.0, five.Center)
	require.False(t, five.Known())
	six := Median([]float64{6, 5, 1, 4, 2, 3})
	require.True(t, six.Known())
	require.Equal(t, Interval{3.5, 1, 6, 6}, six)
	require.False(t, Median(nil).Known())
	require.True(t, math.IsNaN(Median(nil).Center))
}

func TestMedianIntervalCoversTheMedianNineteenTimesOfTwenty(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	const trials = 2000
	covered := 0
	for range trials {
		values := make([]float64, 9)
		for i := range values {
			values[i] = random.ExpFloat64() // skewed, as times are
		}
		if Median(values).Contains(math.Ln2) { // the distribution's median
			covered++
		}
	}
	require.Greater(t, covered, trials*94/100)
}

// series is a value per round: 100, and the round's mood in it.
func series(rounds int, factor float64, random *rand.Rand) (mine, theirs map[int]float64) {
	mine, theirs = map[int]float64{}, map[int]float64{}
	for round := range rounds {
		mood := 1 + random.Float64() // the machine's, twice as slow at times
		theirs[round] = 100 * mood * (1 + 0.02*random.NormFloat64())
		mine[round] = 100 * mood * factor * (1 + 0.02*random.NormFloat64())
	}
	return mine, theirs
}

func TestPairFindsADifferenceBelowTheMoodOfTheMachine(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	mine, theirs := series(10, 1.08, random)
	c := Pair(mine, theirs)
	require.Equal(t, Larger, c.Verdict(c.P), "%+v", c)
	require.InDelta(t, 1.08, c.Ratio.Center, 0.03)
	c = Pair(theirs, mine)
	require.Equal(t, Smaller, c.Verdict(c.P), "%+v", c)
}

func TestPairFindsNoDifferenceWhereThereIsNone(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const trials = 400
	wrong := 0
	for range trials {
		c := Pair(series(10, 1, random))
		if c.Verdict(c.P) != NoDifference {
			wrong++
		}
	}
	require.Less(t, float64(wrong), trials*Alpha*1.5, "verdicts of a difference")
}

func TestPairSaysThatItHasTooFewRounds(t *testing.T) {
	mine, theirs := series(5, 3, rand.New(rand.NewPCG(7, 8)))
	c := Pair(mine, theirs)
	require.Equal(t, TooFew, c.Verdict(c.P))
	none := Pair(map[int]float64{1: 5}, map[int]float64{2: 5})
	require.Equal(t, TooFew, none.Verdict(none.P))
	require.Equal(t, 1.0, none.P)
}

func TestPairLeavesOutRoundsThatOneSideHas(t *testing.T) {
	c := Pair(map[int]float64{1: 2, 2: 9, 3: 4}, map[int]float64{1: 1, 3: 2, 4: 7, 2: 0})
	require.Equal(t, 2, c.Ratio.N)
	require.Equal(t, 2.0, c.Ratio.Center)
}

// The smallest p of n pairs that all point one way is 2 / 2^n.
func TestSignTestIsExact(t *testing.T) {
	for n := 1; n <= exactPairs; n++ {
		ratios := make([]float64, n)
		for i := range ratios {
			ratios[i] = 1.1 + float64(i)/100
		}
		require.InDelta(t, 2/math.Exp2(float64(n)), signTest(ratios), 1e-12, "%d pairs", n)
	}
	require.Equal(t, 1.0, signTest([]float64{1, 1, 1}))
	require.Equal(t, 1.0, signTest([]float64{2, 0.5}))
}

func TestSignTestByDrawingAgreesWithAll(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	ratios := make([]float64, exactPairs)
	for i := range ratios {
		ratios[i] = math.Exp(0.1 + 0.2*random.NormFloat64())
	}
	exact := signTest(ratios)
	// Many pairs that say nothing leave the sum and its distribution alone.
	drawn := signTest(append(ratios, 1, 1, 1, 1, 1, 1, 1, 1))
	require.InDelta(t, exact, drawn, 0.005)
	require.Equal(t, drawn, signTest(append(ratios, 1, 1, 1, 1, 1, 1, 1, 1)), "the same data, the same p")
}

func TestHolmFollowsItsDefinition(t *testing.T) {
	require.InDeltaSlice(t, []float64{0.03, 0.06, 0.06, 0.02}, Holm([]float64{0.01, 0.04, 0.03, 0.005}), 1e-12)
	require.Empty(t, Holm(nil))
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOf(rapid.Float64Range(0, 1)).Draw(t, "p")
		corrected := Holm(ps)
		for i, p := range ps {
			require.GreaterOrEqual(t, corrected[i], p)
			require.LessOrEqual(t, corrected[i], 1.0)
			for k, q := range ps {
				if p < q {
					require.LessOrEqual(t, corrected[i], corrected[k], "order is kept")
				}
			}
		}
	})
}

func TestDiscoverFollowsItsDefinition(t *testing.T) {
	require.InDeltaSlice(t, []float64{0.02, 0.04, 0.04, 0.02}, Discover([]float64{0.01, 0.04, 0.03, 0.005}), 1e-12)
	require.Empty(t, Discover(nil))
	largest := 0.8125000000000004 // times five and through five is less than it was
	require.Equal(t, largest, Discover([]float64{0.5, 0.5, 0.5, 0.5, largest})[4])
	rapid.Check(t, func(t *rapid.T) {
		ps := rapid.SliceOf(rapid.Float64Range(0, 1)).Draw(t, "p")
		holm := Holm(ps)
		for i, q := range Discover(ps) {
			require.GreaterOrEqual(t, q, ps[i])
			require.LessOrEqual(t, q, holm[i]+1e-12)
		}
	})
}

func TestSlopeIsThatOfALine(t *testing.T) {
	slope, err := Slope([]float64{1, 2, 5}, []float64{107, 207, 507})
	require.NoError(t, err)
	require.InDelta(t, 100, slope, 1e-9)
	_, err = Slope([]float64{3, 3}, []float64{1, 2})
	require.ErrorIs(t, err, ErrSlope)
}

func TestJainIsOneForEqualShares(t *testing.T) {
	require.InDelta(t, 1, Jain([]float64{4, 4, 4}), 1e-12)
	require.InDelta(t, 0.25, Jain([]float64{8, 0, 0, 0}), 1e-12)
	require.Equal(t, 1.0, Jain(nil))
}

func TestUnpairedFindsAChange(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	around := func(center float64) (values []float64) {
		for range 8 {
			values = append(values, center*(1+0.02*random.NormFloat64()))
		}
		return values
	}
	p, enough := Unpaired(around(100), around(120))
	require.Less(t, p, 0.01)
	require.True(t, enough)
	const trials = 400
	wrong := 0
	for range trials {
		if p, _ := Unpaired(around(100), around(100)); p < Alpha {
			wrong++
		}
	}
	require.Less(t, float64(wrong), trials*Alpha*1.5)
}

func TestUnpairedSaysThatItHasTooFew(t *testing.T) {
	_, enough := Unpaired([]float64{1, 2, 3}, []float64{7, 8, 9})
	require.False(t, enough, "the smallest p is 0.1")
	_, enough = Unpaired([]float64{1, 2, 3, 4}, []float64{7, 8, 9, 10})
	require.True(t, enough, "the smallest p is 0.03")
	p, enough := Unpaired(nil, []float64{1})
	require.False(t, enough)
	require.Equal(t, 1.0, p)
	p, _ = Unpaired([]float64{2, 2, 2, 2, 2}, []float64{2, 2, 2, 2, 2})
	require.Equal(t, 1.0, p)
}
