package paired

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Figures are what a comparison has measured, a number for each round.
type Figures struct{ Weft, Net []float64 }

// sides are the two servers, in any order.
type sides [2]struct {
	env     string
	figures *[]float64
}

func (f *Figures) sides(t *testing.T) sides {
	t.Helper()
	if os.Getenv("WEFT_BARS") == "" {
		t.Skip("measures; set WEFT_BARS=1")
	}
	return sides{{variable + "=0", &f.Weft}, {variable + "=1", &f.Net}}
}

func (s *sides) shuffle() { rand.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] }) }

// Fresh measures both servers, once per round, each time in a new process: for what
// a process does once. It skips unless WEFT_BARS is set.
func Fresh(t *testing.T, rounds int, measure func(s *Server) float64, args ...string) (f Figures) {
	t.Helper()
	order := f.sides(t)
	for range rounds {
		order.shuffle()
		for _, side := range order {
			s := start(t, side.env, args)
			func() {
				defer s.stop()
				*side.figures = append(*side.figures, measure(s))
			}()
		}
	}
	return f
}

// Alternating measures two servers that run all the while, first the one, then the
// other: the two figures of a round are as close in time as can be. The first round
// does not count. It skips unless WEFT_BARS is set.
func Alternating(t *testing.T, rounds int, measure func(s *Server) float64, args ...string) (f Figures) {
	t.Helper()
	order := f.sides(t)
	servers := map[string]*Server{}
	for _, side := range order {
		s := start(t, side.env, args)
		defer s.stop()
		servers[side.env] = s
		measure(s)
	}
	for range rounds {
		order.shuffle()
		for _, side := range order {
			*side.figures = append(*side.figures, measure(servers[side.env]))
		}
	}
	return f
}

// Below logs the medians, and fails if weft needs more than bar times what net
// needs: the median of the rounds' ratios.
func (f Figures) Below(t *testing.T, bar float64, unit string) {
	t.Helper()
	var ratios []float64
	for i := range f.Weft {
		ratios = append(ratios, f.Weft[i]/f.Net[i])
	}
	t.Logf("weft %.4g %s, net %.4g %s: %.3f times, from %.3f to %.3f; medians of %d rounds in pairs",
		median(f.Weft), unit, median(f.Net), unit, median(ratios), slices.Min(ratios), slices.Max(ratios), len(ratios))
	require.LessOrEqual(t, median(ratios), bar, "%s, weft to net", unit)
}

func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}
