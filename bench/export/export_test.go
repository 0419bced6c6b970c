package export

import (
	"bytes"
	"encoding/csv"
	"slices"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var point = result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 100, "size_bytes": 64}}

var file = result.File{
	Run: result.Run{Host: measure.Host{OS: "linux", Kernel: "6.18"}, Reference: "floor", Backends: []result.Backend{{Name: "floor"}, {Name: "coro"}}},
	Samples: []result.Sample{
		{Step: result.Step{Round: 1, Point: point, Backend: "floor"}, Started: time.Unix(0, 0), Seconds: 0.5,
			Figures: map[string]float64{result.CPUPerMessage: 6.5, result.MemoryPerConn: 700}},
		{Step: result.Step{Round: 1, Point: point, Backend: "coro"}, Figures: map[string]float64{result.CPUPerMessage: 7}, Marks: []string{"not warm"}},
		{Step: result.Step{Round: 2, Point: point, Backend: "coro"}, Void: "the server, \"quoted\", died"},
	},
}

func TestCSVHasALinePerSample(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, CSV(&out, file))
	lines, err := csv.NewReader(&out).ReadAll()
	require.NoError(t, err)
	require.Equal(t, [][]string{
		{"started", "scenario", "connections", "size_bytes", "backend", "round", "seconds", "cpu_us_per_message", "pss_anon_bytes_per_connection", "marks", "void"},
		{"1970-01-01T00:00:00Z", "echo", "100", "64", "floor", "1", "0.5", "6.5", "700", "", ""},
		{"0001-01-01T00:00:00Z", "echo", "100", "64", "coro", "1", "0", "7", "", "not warm", ""},
		{"0001-01-01T00:00:00Z", "echo", "100", "64", "coro", "2", "0", "", "", "", `the server, "quoted", died`},
	}, lines)
}

func TestGoBenchmarksAreWhatBenchstatReads(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, GoBenchmarks(&out, file))
	var got []*benchfmt.Result
	for r := benchfmt.NewReader(&out, "out"); r.Scan(); {
		line, ok := r.Result().(*benchfmt.Result)
		require.True(t, ok, "%v", r.Result())
		got = append(got, line.Clone())
	}
	require.Len(t, got, 2, "a void sample is left out")
	require.Equal(t, "Echo/connections=100/size_bytes=64/backend=floor", string(got[0].Name))
	require.Equal(t, "linux", got[0].GetConfig("goos"))
	cpu, ok := got[0].Value("cpu-sec-per-message")
	require.True(t, ok)
	require.InDelta(t, 6.5e-6, cpu, 1e-12)
	memory, ok := got[0].Value("pss-anon-B-per-connection")
	require.True(t, ok)
	require.Equal(t, 700.0, memory)
}

// benchstat compares with the first column.
func TestGoBenchmarksBeginWithTheReference(t *testing.T) {
	f := file
	f.Samples = slices.Clone(file.Samples)
	slices.Reverse(f.Samples) // as a shuffled round may begin
	var out bytes.Buffer
	require.NoError(t, GoBenchmarks(&out, f))
	r := benchfmt.NewReader(&out, "out")
	require.True(t, r.Scan())
	first, ok := r.Result().(*benchfmt.Result)
	require.True(t, ok)
	require.Contains(t, string(first.Name), "backend=floor")
}

func TestPercentilesAreInMicroseconds(t *testing.T) {
	h := hdrhistogram.New(100, 60e9, 3)
	for i := range int64(1000) {
		require.NoError(t, h.RecordValue((i+1)*1000))
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, Percentiles(&out, string(encoded)))
	require.Contains(t, out.String(), "1/(1-Percentile)")
	require.Contains(t, out.String(), "Total count    =         1000")
	require.Regexp(t, `(?m)^\s+50\d\.\d+\s+0\.5`, out.String())
}

func TestHistogramThatIsNoneIsAnError(t *testing.T) {
	for _, text := range []string{"", "?", "AAAA", "HISTFAAAAA=="} {
		_, err := Histogram(text)
		require.Error(t, err, "%q", text)
	}
}
