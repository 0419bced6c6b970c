package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/report"
)

// tiny makes a sample as short as it can be. Its figures mean nothing.
const tiny = " --duration=5ms --warmup=1ms --seed=7"

// compareJSON runs a comparison and reads what it wrote.
func compareJSON(t *testing.T, args string) (report.Report, outcome) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.json")
	o := finish(t, command(t, strings.Fields(args+tiny+" --json="+path)...))
	var r report.Report
	data, err := os.ReadFile(path)
	require.NoError(t, err, "%+v", o)
	require.NoError(t, json.Unmarshal(data, &r))
	return r, o
}

// echoServers are the backends that are here wherever the tests are.
func echoServers() []string {
	return slices.DeleteFunc(backend.Names(), func(name string) bool {
		b, err := backend.Find(name)
		return err != nil || b.External()
	})
}

func TestCompareMeasuresEveryBackend(t *testing.T) {
	names := echoServers()
	r, o := compareJSON(t, "--conns=1,120 --rounds=2 --backends="+strings.Join(names, ","))
	require.Equal(t, exitOK, o.status, o.stderr)

	require.Equal(t, report.Schema, r.Schema)
	require.Equal(t, runtime.Version(), r.Host.Go)
	require.NotEmpty(t, r.Argv)
	require.EqualValues(t, 7, r.Settings.Seed)
	require.Equal(t, 5*time.Millisecond, r.Settings.Duration)
	require.Len(t, r.Order, 2*2*len(names))
	require.Len(t, r.Samples, len(r.Order))
	for i, s := range r.Samples {
		require.Equal(t, r.Order[i], report.Step{Round: s.Round, Conns: s.Conns, Backend: s.Backend})
		require.GreaterOrEqual(t, s.Messages, uint64(s.Conns))
	}

	require.Len(t, r.Rows, 2*len(names))
	for _, row := range r.Rows {
		require.Empty(t, row.Failed, row.Backend)
		for _, m := range []report.Metric{report.Rate, report.P50, report.P99, report.P999} {
			require.Positive(t, float64(row.Median[m]), "%s %v", row.Backend, m)
			require.Positive(t, float64(row.Ratio[m]), "%s %v", row.Backend, m)
		}
		require.True(t, row.Median[report.CPU].Measured())
		require.Equal(t, row.Conns >= memoryConns && runtime.GOOS == "linux", row.Median[report.Memory].Measured())
		if row.Backend == backend.Floor {
			require.EqualValues(t, 1, row.Ratio[report.Rate])
		}
		require.Contains(t, o.stdout, " "+row.Backend+" ")
	}
	require.Contains(t, o.stdout, "layout ")
	require.Contains(t, o.stdout, "seed 7\n")
	require.Contains(t, o.stdout, "1 connection ")
	require.Contains(t, o.stdout, "120 connections ")
	require.Contains(t, o.stderr, "round 2 of 2, 120 connections\n")
}

func TestCompareReportsOtherBackendsWhenSomeFail(t *testing.T) {
	r, o := compareJSON(t, "--conns=3 --rounds=2 --backends=corrupts,net,hangs-up,dies,refuses,ends-badly")
	require.Equal(t, exitFailed, o.status)
	require.Equal(t, "bench: not every backend could be measured", lastLine(o.stderr))
	want := map[string]string{
		"corrupts":   "wrong byte echoed: connection ",
		"hangs-up":   "connection closed by the server: connection ",
		"dies":       "server dies: fatal error: out of luck",
		"refuses":    "server refuses: no server today",
		"ends-badly": "server ends-badly: exit status 7",
		"net":        "",
	}
	require.Len(t, r.Rows, len(want))
	for _, row := range r.Rows {
		text := want[row.Backend]
		if text == "" {
			require.Empty(t, row.Failed)
			require.True(t, row.Median[report.Rate].Measured())
			require.False(t, row.Ratio[report.Rate].Measured(), "there is no floor to compare with")
			continue
		}
		require.Contains(t, row.Failed, text)
		require.Contains(t, o.stdout, " "+row.Backend+" failed: "+text)
	}
}

func TestCompareRunsEveryLayout(t *testing.T) {
	for _, layout := range []string{"split", "shared", "none"} {
		t.Run(layout, func(t *testing.T) {
			if layout != "none" && (runtime.GOOS != "linux" || runtime.NumCPU() < 2) {
				t.Skip("pinning needs Linux and two processors")
			}
			r, o := compareJSON(t, "--conns=10 --rounds=1 --depth=4 --loops=2 --backends=floor --layout="+layout)
			require.Equal(t, exitOK, o.status, o.stderr)
			require.Equal(t, layout, r.Plan.Layout.String())
			require.Contains(t, o.stdout, "layout "+layout)
			require.Zero(t, r.Samples[0].Messages%4, "batches are whole")
		})
	}
}

func TestScheduleIsABlockPerRoundAndConns(t *testing.T) {
	s := report.Settings{Backends: []string{"a", "b", "c", "d"}, Conns: []int{1, 100}, Rounds: 5, Seed: 3}
	steps := schedule(s)
	require.Equal(t, steps, schedule(s), "a seed gives one order")
	require.Len(t, steps, 5*2*4)
	orders := map[string]bool{}
	for block := 0; block < len(steps); block += 4 {
		var names []string
		for _, step := range steps[block : block+4] {
			require.Equal(t, steps[block].Round, step.Round)
			require.Equal(t, steps[block].Conns, step.Conns)
			names = append(names, step.Backend)
		}
		require.ElementsMatch(t, s.Backends, names)
		orders[strings.Join(names, "")] = true
	}
	require.Greater(t, len(orders), 1, "blocks are shuffled")
}

func TestIdleMeasuresEveryBackend(t *testing.T) {
	o := finish(t, command(t, "idle", "--conns=90", "--duration=10ms", "--backends="+strings.Join(echoServers(), ",")))
	require.Equal(t, exitOK, o.status, o.stderr)
	for _, name := range echoServers() {
		require.Regexp(t, `(?m)^ `+name+` +-?\d+ +(-?\d+|-) +[\d.]+ +\d+ +\d+ $`, o.stdout)
	}
}

func TestIdleReportsOtherBackendsWhenOneFails(t *testing.T) {
	o := finish(t, command(t, "idle", "--conns=9", "--duration=10ms", "--backends=net,corrupts"))
	require.Equal(t, exitFailed, o.status)
	require.Contains(t, o.stdout, " corrupts failed: wrong byte echoed")
	require.Regexp(t, `(?m)^ net +-?\d+`, o.stdout)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
