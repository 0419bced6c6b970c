package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/poller/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// histogram has some thousand latencies around a median in microseconds.
func histogram(t *testing.T, random *rand.Rand, median float64) string {
	t.Helper()
	h := hdrhistogram.New(100, 60e9, 3)
	for range 5000 {
		require.NoError(t, h.RecordValue(int64(median*1000*(0.5+random.ExpFloat64()))))
	}
	encoded, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	require.NoError(t, err)
	require.True(t, len(encoded) > 0)
	_, err = base64.StdEncoding.DecodeString(string(encoded))
	require.NoError(t, err)
	return string(encoded)
}

// someFile has three backends at points of several scenarios, and two models.
func someFile(t *testing.T) result.File {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	f := result.File{
		Run: result.Run{
			Argv: []string{"/tmp/bench", "run", "--rounds=8"}, Profile: "full", Rounds: 8, Seed: 7, Reference: "floor",
			Host: measure.Host{OS: "linux", CPU: "a <processor>", CPUs: 2},
			Backends: []result.Backend{
				{Name: "floor", About: "a bare loop"}, {Name: "coro", About: "tasks"}, {Name: "net", About: "goroutines"},
				{Name: "gevent", About: "greenlets", Absent: "apt-get install python3-gevent"},
			},
		},
		End: &result.End{Finished: time.Unix(1, 0)},
	}
	points := []result.Point{{Scenario: "fair", Axes: map[string]float64{"connections": 50, "hogs": 4}}}
	for _, n := range []float64{1, 100, 5000} {
		points = append(points, result.Point{Scenario: "echo", Axes: map[string]float64{"connections": n, "size_bytes": 64, "depth": 1}})
	}
	for _, n := range []float64{3000, 15_000} {
		points = append(points, result.Point{Scenario: "idle", Axes: map[string]float64{"connections": n, "active": 0}})
	}
	for _, r := range []float64{1000, 10_000, 50_000} {
		points = append(points, result.Point{Scenario: "rate", Axes: map[string]float64{"connections": 100, "size_bytes": 64, "rate": r}})
	}
	for round := 1; round <= 8; round++ {
		for _, p := range points {
			for i, backend := range []string{"floor", "coro", "net"} {
				slower := (1 + 0.1*float64(i)) * (1 + 0.01*random.Float64()) * (1 + random.Float64()*0)
				s := result.Sample{Step: result.Step{Round: round, Point: p, Backend: backend}, Figures: map[string]float64{
					result.Rate: 90_000 / slower, result.P50: 500 * slower, result.P99: 3000 * slower, result.P999: 9000 * slower,
					result.CPUPerMessage: 6 * slower, result.CallsPerMessage: 2, result.MemoryPerConn: 700 * slower, result.Jain: 0.9 / slower,
				}}
				if p.Scenario == "rate" {
					s.Histograms = map[string]string{"latency": histogram(t, random, 500*slower)}
				}
				if backend == "net" && round == 3 {
					s.Void, s.Figures = "the server <died>", nil
				}
				f.Samples = append(f.Samples, s)
			}
		}
	}
	for i, model := range []string{"process", "thread"} {
		f.Models = append(f.Models, result.Model{Model: model, Quantity: "create", Value: 900 / float64(1+40*i), Unit: "us", Low: 20, High: 950, Samples: 9})
		for _, w := range []int{1, 2, 20} {
			f.Models = append(f.Models, result.Model{Model: model, Quantity: "CPU-bound job", Workers: w, Value: float64(w), Unit: "s", Samples: 3})
		}
	}
	return f
}

func write(t *testing.T, sources ...Source) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, Write(&out, sources...))
	return out.String()
}

// ids are all identifiers of a page, each of which must be there once, and what
// links and labels point at.
func ids(t *testing.T, text string) (have map[string]int, used []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(text))
	require.NoError(t, err)
	have = map[string]int{}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			switch a.Key {
			case "id":
				have[a.Val]++
			case "aria-labelledby":
				used = append(used, strings.Fields(a.Val)...)
			case "href":
				if target, found := strings.CutPrefix(a.Val, "#"); found {
					used = append(used, target)
				}
			}
		}
	}
	return have, used
}

func TestPageHasEveryPlotAndTable(t *testing.T) {
	text := write(t, Source{"a.jsonl", someFile(t)}, Source{"b.jsonl", someFile(t)})
	for _, want := range []string{
		"messages per second, depth 1, 64 B",                    // against connections
		"99th percentile of latency, depth 1, 64 B",             //
		"99.9th percentile of latency, depth 1, 64 B",           //
		"99.9th percentile of latency, 100 connections, 64 B",   // against the offered rate
		"user memory per connection",                            //
		"server CPU time per message, 100 connections, depth 1", // bars
		"system calls per message",                              //
		"distribution of latency, 100 connections, 50000 msg/s", //
		"Jain&#39;s fairness index of the light connections",    //
		"CPU-bound job",                  // lines over workers
		"go run ./bench run --rounds=8",  // the command
		"apt-get install python3-gevent", //
		"a &lt;processor&gt;",            //
		"net: 1 of 8 samples cannot be used: the server &lt;died&gt;", //
	} {
		require.True(t, strings.Contains(text, want), "the page does not contain %q", want)
	}
	have, used := ids(t, text)
	for id, n := range have {
		require.Equal(t, 1, n, "the identifier %s", id)
	}
	require.NotEmpty(t, used)
	for _, id := range used {
		require.Equal(t, 1, have[id], "what %s points at", id)
	}
}

// A page that opens offline asks for nothing.
func TestPageAsksForNothing(t *testing.T) {
	text := write(t, Source{"a.jsonl", someFile(t)})
	for _, no := range []string{"http:", "https:", "<script", "src=", "@import", "url("} {
		require.False(t, strings.Contains(text, no), "the page contains %q", no)
	}
}

func TestPageWarnsOfWhatIsMissing(t *testing.T) {
	f := someFile(t)
	f.End = nil
	require.True(t, strings.Contains(write(t, Source{"a", f}), "was killed"))
	f.End = &result.End{Interrupted: true}
	f.Run.Rounds = 3
	text := write(t, Source{"a", f})
	require.True(t, strings.Contains(text, "was interrupted"))
	require.True(t, strings.Contains(text, "too few for intervals"))
	f.End = &result.End{Cut: "90 of 136 samples fitted into 75s"}
	f.Run.Omitted = []string{"fanout: not by <gnet>"}
	f.Run.Settings = map[string]string{"warm_up_window": "200ms", "duration": "800ms"}
	f.Samples[0].Marks = []string{"disturbed"}
	text = write(t, Source{"a", f})
	for _, want := range []string{"90 of 136 samples", "fanout: not by &lt;gnet&gt;", "duration 800ms, warm up window 200ms", "disturbed: floor 1 of 8"} {
		require.True(t, strings.Contains(text, want), want)
	}
}

func TestPageHasNoRatioOfWhatIsNeitherBetterNorWorse(t *testing.T) {
	f := someFile(t)
	for _, s := range f.Samples {
		if s.Figures != nil {
			s.Figures[result.Threads], s.Figures[result.KernelPerConn] = 5, 9000
		}
	}
	run := newRun("r", Source{"a", f})
	i := slices.IndexFunc(run.Scenarios, func(s section) bool { return s.Title == "idle" })
	table := run.Scenarios[i].Tables[0]
	threads := slices.Index(table.Head, "threads")
	require.Positive(t, threads)
	require.NotEqual(t, "x", append(table.Head, "")[threads+1])
	require.NotEqual(t, "x", table.Head[slices.Index(table.Head, "B/conn")+1], "of next to nothing")
	require.Equal(t, "x", table.Head[slices.Index(table.Head, "kernel B")+1])
	for _, row := range table.Rows {
		require.Len(t, row, len(table.Head))
	}
}

func TestPageCountsTheMeasurementsOfARunAboutModels(t *testing.T) {
	f := result.File{
		Run:    result.Run{Settings: map[string]string{"one CPU": "[1]"}, Order: []result.Step{{Round: 1, Point: result.Point{Scenario: "create"}, Backend: "task"}, {Round: 2, Point: result.Point{Scenario: "create"}, Backend: "task"}}},
		Models: []result.Model{{Model: "task", Quantity: "create", Value: 1, Unit: "us", Samples: 1}},
		End:    &result.End{Interrupted: true, Foreign: 0.25},
	}
	text := write(t, Source{"a", f})
	require.True(t, strings.Contains(text, "1 of 2 measurements were taken"))
	require.True(t, strings.Contains(text, "each figure in a process of its own, one CPU: [1]"))
	require.True(t, strings.Contains(text, "Other programs had 25 % of the processors"))
}

func TestPageOfAnUnknownScenarioShowsItAllTheSame(t *testing.T) {
	f := someFile(t)
	f.Samples = []result.Sample{{
		Step:    result.Step{Round: 1, Point: result.Point{Scenario: "new", Axes: map[string]float64{"a_b": 3}}, Backend: "floor"},
		Figures: map[string]float64{"a_new_figure": 5},
	}}
	text := write(t, Source{"a", f})
	require.True(t, strings.Contains(text, "a_new_figure"))
	require.True(t, strings.Contains(write(t, Source{"nothing", result.File{}}), "<h2>nothing</h2>"))
}

func TestFamiliesDifferOnOneAxisOnly(t *testing.T) {
	var text []string
	all := newRun("r", Source{"a", someFile(t)})
	for _, s := range all.Scenarios {
		require.NotEmpty(t, s.Plots, s.ID)
		for _, p := range s.Plots {
			require.NotEqual(t, template.HTML(""), p.SVG)
			text = append(text, fmt.Sprint(s.Title, ": ", p.Title))
		}
	}
	require.Contains(t, text, "echo: median latency, depth 1, 64 B")
	require.NotContains(t, text, "echo: median latency, 100 connections, depth 1", "there is one size only")
}
