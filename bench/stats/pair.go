package stats

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Alpha is the error that a verdict may have: of a difference where there is none.
const Alpha = 0.05

// Comparison is what pairs of values say about the quotient of two quantities.
type Comparison struct {
	// Ratio is the median of the quotients, with its interval.
	Ratio Interval
	// P is the chance of quotients as far from 1 as these if there were no
	// difference. 1 where there are no pairs.
	P float64
}

// Verdict is what a Comparison proves.
type Verdict int8

const (
	// TooFew: that few pairs could not prove a difference, however large.
	TooFew Verdict = iota
	NoDifference
	Smaller
	Larger
)

func (v Verdict) String() string {
	switch v {
	case TooFew:
		return "too few rounds"
	case NoDifference:
		return "no difference seen"
	case Smaller:
		return "smaller"
	case Larger:
		return "larger"
	}
	return fmt.Sprintf("Verdict(%d)", int8(v))
}

// Pair compares mine with theirs, each by round. Rounds that only one of them has
// are left out, and so are values that are not above zero: a quotient of them says
// nothing.
func Pair(mine, theirs map[int]float64) Comparison {
	var ratios []float64
	for round, m := range mine {
		if t, ok := theirs[round]; ok && m > 0 && t > 0 {
			ratios = append(ratios, m/t)
		}
	}
	slices.Sort(ratios) // a map has no order, and the test below adds
	return Comparison{Median(ratios), signTest(ratios)}
}

// Verdict judges with p, which is c.P or what Holm made of it. A difference needs
// both: a small p, and an interval that leaves 1 out.
func (c Comparison) Verdict(p float64) Verdict {
	switch {
	case !c.Ratio.Known():
		return TooFew
	case p > Alpha || c.Ratio.Contains(1):
		return NoDifference
	case c.Ratio.Center < 1:
		return Smaller
	}
	return Larger
}

const (
	// exactPairs is up to how many pairs every choice of signs is tried.
	//
	// Bound: 2^16 sums take a millisecond.
	exactPairs = 16
	// signDraws is how many choices are drawn where there are more pairs.
	//
	// Bound: the p-value's own error is then under 0.002 at 0.05.
	signDraws = 1 << 16
)

// signTest is the two-sided permutation test for pairs: if there is no difference,
// each logarithm could as well have had the other sign. P is the share of the
// choices of signs whose sum is as far from zero as the one seen. See R. A. Fisher,
// The Design of Experiments (1935), section 21.
func signTest(ratios []float64) float64 {
	logs := make([]float64, len(ratios))
	seen := 0.0
	for i, r := range ratios {
		logs[i] = math.Log(r)
		seen += logs[i]
	}
	// Sums of the same numbers in another order differ in their last bits.
	least := math.Abs(seen) * (1 - 1e-9)
	extreme, total := 0, 0
	try := func(signs uint64, random *rand.Rand) {
		sum := 0.0
		for i, l := range logs {
			if random != nil && i%64 == 0 {
				signs = random.Uint64()
			}
			if signs>>(i%64)&1 != 0 {
				l = -l
			}
			sum += l
		}
		total++
		if math.Abs(sum) >= least {
			extreme++
		}
	}
	if len(logs) <= exactPairs {
		for signs := range uint64(1) << len(logs) {
			try(signs, nil)
		}
		return float64(extreme) / float64(total)
	}
	random := rand.New(rand.NewPCG(uint64(len(logs)), 0)) // the same data, the same p
	for range signDraws {
		try(0, random)
	}
	// The choice that was seen is one of them.
	return float64(extreme+1) / float64(total+1)
}

// Holm corrects the p-values of comparisons that are made together, so that Alpha
// is the chance of even one wrong verdict. See S. Holm, A Simple Sequentially
// Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6 (1979).
func Holm(ps []float64) []float64 {
	corrected := make([]float64, len(ps))
	highest := 0.0
	for rank, i := range ascending(ps) {
		highest = max(highest, min(1, ps[i]*float64(len(ps)-rank)))
		corrected[i] = highest
	}
	return corrected
}

// ascending is the places of the values, from the smallest one on.
func ascending(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	return order
}
