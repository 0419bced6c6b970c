package plot

import (
	"encoding/xml"
	"errors"
	"html/template"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// elements counts the elements of a picture by name and class; it fails for what is
// not well formed, or has a coordinate that is no number.
func elements(t require.TestingT, svg template.HTML) map[string]int {
	require.NotContains(t, string(svg), "NaN")
	require.NotContains(t, string(svg), "Inf")
	found := map[string]int{}
	for d := xml.NewDecoder(strings.NewReader(string(svg))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err, "%s", svg)
		if e, ok := token.(xml.StartElement); ok {
			class := ""
			for _, a := range e.Attr {
				if a.Name.Local == "class" {
					class = "." + a.Value
				}
			}
			found[e.Name.Local+class]++
		}
	}
}

func TestLinesDrawEverySeries(t *testing.T) {
	svg := Lines{
		ID: "rate", Title: "Rate & <more>", Description: "Higher is better.",
		X: Axis{Title: "connections", Log: true}, Y: Axis{Title: "1/s"},
		Series: []Series{
			{"floor", []Point{{100, 5, 4, 6}, {1, 3, None, None}, {10, 4, math.Inf(-1), math.Inf(1)}}},
			{"<coro>", []Point{{1, 2, None, None}, {0, 9, None, None}}}, // no place for 0 on a log axis
		},
	}.SVG()
	found := elements(t, svg)
	require.Equal(t, 2, found["g.series s0"], "the line and its name below")
	require.Equal(t, 2, found["g.series s1"])
	require.Equal(t, 3+1, found["circle.mark"])
	require.Equal(t, 1, found["path.interval"])
	require.Contains(t, string(svg), "Rate &amp; &lt;more&gt;")
	require.Contains(t, string(svg), `aria-labelledby="rate-title rate-desc"`)
	require.Contains(t, string(svg), "&lt;coro&gt;")
}

func TestBarsSayWhatWasNotMeasured(t *testing.T) {
	svg := Bars{ID: "cpu", Title: "CPU", Axis: Axis{Title: "us"}, Bars: []Bar{
		{"floor", 6.5, 6, 7}, {"coro", 7, None, None}, {"net", math.NaN(), None, None},
	}}.SVG()
	found := elements(t, svg)
	require.Equal(t, 1, found["rect.bar s0"])
	require.Equal(t, 1, found["rect.bar s1"])
	require.Equal(t, 0, found["rect.bar s2"])
	require.Equal(t, 1, found["path.whisker"])
	require.Contains(t, string(svg), "not measured")
}

// A memory of less than nothing, which is noise, once gave every bar the length of the
// negative part of the axis.
func TestBarsBeginAtZero(t *testing.T) {
	rects := func(b Bars) (x, width []float64) {
		for _, found := range regexp.MustCompile(`<rect class="bar s\d" x="([\d.]+)" y="[\d.]+" width="([\d.]+)"`).FindAllStringSubmatch(string(b.SVG()), -1) {
			for i, to := range []*[]float64{&x, &width} {
				v, err := strconv.ParseFloat(found[i+1], 64)
				require.NoError(t, err)
				*to = append(*to, v)
			}
		}
		return x, width
	}
	bars := []Bar{{"process", 100, None, None}, {"task", 50, None, None}, {"callback", -10, None, None}}
	x, width := rects(Bars{ID: "a", Bars: bars})
	require.InDelta(t, x[0], x[1], 0.1)
	require.InDelta(t, x[0], x[2]+width[2], 0.11, "to the left of zero")
	require.InDelta(t, width[0], 2*width[1], 0.2, "lengths are values")
	_, width = rects(Bars{ID: "a", Axis: Axis{Log: true}, Bars: bars[:2]})
	require.Equal(t, width[0], width[1], "a log axis has no zero: marks, not lengths")
}

func TestStyleIsThatOfThePlaceAlsoWhereOthersAreLeftOut(t *testing.T) {
	lines := elements(t, Lines{ID: "a", Series: []Series{{"floor", []Point{{1, 2, None, None}}}, {"gone", nil}, {"net", []Point{{1, 3, None, None}}}}}.SVG())
	require.Equal(t, 2, lines["g.series s2"], "the line and its name below")
	require.Zero(t, lines["g.series s1"])
	svg := Bars{ID: "b", Bars: []Bar{{"floor", 1, None, None}, {}, {"net", 2, None, None}}}.SVG()
	bars := elements(t, svg)
	require.Equal(t, 1, bars["rect.bar s2"])
	require.Zero(t, bars["rect.bar s1"])
	require.NotContains(t, string(svg), "not measured")
}

func TestAxisLabelsDoNotCoverEachOther(t *testing.T) {
	ticks := []Tick{{1000, "1k"}, {60_000, "sixty"}, {61_000, "sixty one"}, {80_000, "80k"}}
	svg := string(Lines{ID: "a", X: Axis{Ticks: ticks}, Series: []Series{{"floor", []Point{{1000, 2, None, None}, {80_000, 2, None, None}}}}}.SVG())
	for label, shown := range map[string]bool{">1k<": true, ">sixty<": true, ">sixty one<": false, ">80k<": true} {
		require.Equal(t, shown, strings.Contains(svg, label), label)
	}
}

func TestPlotOfNothingIsEmpty(t *testing.T) {
	require.Empty(t, Lines{ID: "a", Series: []Series{{"a", nil}}}.SVG())
	require.Empty(t, Lines{ID: "a", Y: Axis{Log: true}, Series: []Series{{"a", []Point{{1, -1, 0, 0}}}}}.SVG())
	require.Empty(t, Bars{ID: "a", Bars: []Bar{{"a", math.NaN(), 0, 0}}}.SVG())
}

func TestAxisPlacesEveryValueBetweenItsEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		axis := Axis{Log: rapid.Bool().Draw(t, "log")}
		values := rapid.SliceOfN(rapid.Float64Range(1e-6, 1e9), 1, 9).Draw(t, "values")
		s, ok := axis.scaleFor(values)
		require.True(t, ok)
		for _, v := range values {
			p := s.place(v)
			require.GreaterOrEqual(t, p, -1e-9)
			require.LessOrEqual(t, p, 1+1e-9)
		}
		require.GreaterOrEqual(t, len(s.ticks), minTicks)
		require.LessOrEqual(t, len(s.ticks), 20)
		for i, tick := range s.ticks {
			require.InDelta(t, 0.5, s.place(tick.Value), 0.5+1e-9)
			if i > 0 {
				require.Greater(t, tick.Value, s.ticks[i-1].Value)
			}
		}
	})
}

func TestLinesAreWellFormedForAnyValues(t *testing.T) {
	value := rapid.OneOf(rapid.Float64(), rapid.Just(math.NaN()), rapid.Just(math.Inf(1)), rapid.Just(0.0))
	rapid.Check(t, func(t *rapid.T) {
		l := Lines{ID: "x", X: Axis{Log: rapid.Bool().Draw(t, "x")}, Y: Axis{Log: rapid.Bool().Draw(t, "y")}}
		for range rapid.IntRange(0, 3).Draw(t, "series") {
			var s Series
			for range rapid.IntRange(0, 4).Draw(t, "points") {
				limit := func(v float64) float64 { return math.Max(-1e12, math.Min(1e12, v)) }
				s.Points = append(s.Points, Point{limit(value.Draw(t, "x")), limit(value.Draw(t, "y")), value.Draw(t, "low"), value.Draw(t, "high")})
			}
			l.Series = append(l.Series, s)
		}
		elements(t, l.SVG())
	})
}

// Values that differ by less than they are exact, and the largest there are, once kept
// an axis from ever coming to its end.
func TestAxisComesToItsEnd(t *testing.T) {
	for _, values := range [][]float64{
		{-1e12, math.Nextafter(-1e12, 0)}, {-largest, math.Nextafter(-largest, 0)}, {-largest, largest}, {0, 0}, {5e-324}, {-1e-300},
		{math.MaxFloat64}, {-math.MaxFloat64, math.MaxFloat64},
	} {
		for _, log := range []bool{false, true} {
			s, ok := Axis{Log: log}.scaleFor(values)
			if !ok {
				continue // none of them has a place
			}
			require.LessOrEqual(t, len(s.ticks), maxTicks)
			require.NotEmpty(t, s.ticks, "%v", values)
			for _, v := range values {
				if (Axis{Log: log}).shows(v) {
					require.InDelta(t, 0.5, s.place(v), 0.5+1e-6, "%v", values)
				}
			}
		}
	}
}

func TestShortHasThreeDigits(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 0.01234: "0.0123", 12.345: "12.3", 999.4: "999", 999.9: "1k", 1000: "1k", 15_250: "15.3k",
		1_000_000: "1M", 2_345_678_901: "2.35G", -1500: "-1.5k", 123: "123",
	} {
		require.Equal(t, want, Short(v), "%v", v)
	}
}
