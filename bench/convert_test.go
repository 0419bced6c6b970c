package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/result"
)

// stored writes a result file with ten rounds of two backends, the second of which
// needs factor times what the first does.
func stored(t *testing.T, factor float64) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "r.jsonl")
	w, err := result.Create(path, result.Run{Rounds: 10, Reference: "floor", Backends: []result.Backend{{Name: "floor"}, {Name: "coro"}}})
	require.NoError(t, err)
	for round := 1; round <= 10; round++ {
		for backend, cost := range map[string]float64{"floor": 6, "coro": 6 * factor} {
			require.NoError(t, w.Sample(result.Sample{
				Step:    result.Step{Round: round, Point: result.Point{Scenario: "echo", Axes: map[string]float64{"connections": 100}}, Backend: backend},
				Figures: map[string]float64{result.CPUPerMessage: cost * (1 + 0.001*float64(round%5))},
			}))
		}
	}
	require.NoError(t, w.Close(result.End{Finished: time.Unix(1, 0)}))
	return path
}

func TestReportWritesWhatItIsAskedFor(t *testing.T) {
	path := stored(t, 1.1)
	dir := filepath.Dir(path)
	o := finish(t, command(t, "report", path, "--csv", filepath.Join(dir, "r.csv"), "--benchfmt", filepath.Join(dir, "r.txt")))
	require.Equal(t, exitOK, o.status, o.stderr)
	for _, name := range []string{"r.html", "r.csv", "r.txt"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Contains(t, string(data), "coro", name)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*.tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// A device stays one: what is written goes into it.
func TestReportWritesIntoADevice(t *testing.T) {
	dir := t.TempDir()
	null := filepath.Join(dir, "null") // a link, so that a mistake takes nothing away
	require.NoError(t, os.Symlink(os.DevNull, null))
	o := finish(t, command(t, "report", stored(t, 1), "--out", null))
	require.Equal(t, exitOK, o.status, o.stderr)
	target, err := os.Readlink(null)
	require.NoError(t, err)
	require.Equal(t, os.DevNull, target)
}

func TestReportRefusesWhatIsNoResult(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
		return path
	}
	requireRefused(t, finish(t, command(t, "report", filepath.Join(dir, "nothing"))), "no such file")
	requireRefused(t, finish(t, command(t, "report", write("damaged", "hello\n"))), "damaged result file")
	requireRefused(t, finish(t, command(t, "report", write("newer", `{"kind":"run","schema":99}`+"\n"))), "another schema")
	good := stored(t, 1)
	data, err := os.ReadFile(good)
	require.NoError(t, err)
	other := filepath.Join(dir, "other")
	require.NoError(t, os.Symlink(good, other))
	for _, flag := range []string{"--out", "--csv", "--benchfmt"} {
		for _, name := range []string{good, filepath.Dir(good) + "/./" + filepath.Base(good), other} {
			requireRefused(t, finish(t, command(t, "report", good, flag, name)), flag+": "+name+" is a result file")
		}
	}
	still, err := os.ReadFile(good)
	require.NoError(t, err)
	require.Equal(t, data, still)
	requireRefused(t, finish(t, command(t, "report", good, "--out", filepath.Join(dir, "no", "where.html"))), "no such file")
	requireRefused(t, finish(t, command(t, "compare", good, write("empty", ""))), "damaged result file")
}

// Of any run, and whatever the output is.
func TestOutputNeverReplacesAResultFile(t *testing.T) {
	kept, good := stored(t, 2), stored(t, 1)
	data, err := os.ReadFile(kept)
	require.NoError(t, err)
	for _, flag := range []string{"--out", "--csv", "--benchfmt"} {
		requireRefused(t, finish(t, command(t, "report", good, flag, kept)), flag+": "+kept+" is a result file")
	}
	s := serve(t, "net", "--addr=127.0.0.1:0")
	requireRefused(t, finish(t, loadOf(t, s.addr, "--json="+kept)), "--json: "+kept+" is a result file")
	still, err := os.ReadFile(kept)
	require.NoError(t, err)
	require.Equal(t, data, still)
	page := filepath.Join(t.TempDir(), "r.html")
	requireRefused(t, finish(t, command(t, "--backends=net", "--conns=1", "--json="+page)), "--json: "+page+" is where the page goes")
	require.NoFileExists(t, page)
}

func TestModelsAreNotWrittenAsSamples(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.jsonl")
	w, err := result.Create(path, result.Run{})
	require.NoError(t, err)
	require.NoError(t, w.Replace(result.File{Models: []result.Model{{Model: "task", Quantity: "create", Value: 1, Unit: "us", Samples: 1}}}))
	require.NoError(t, w.Close(result.End{}))
	for _, flag := range []string{"--csv", "--benchfmt", "--hgrm"} {
		out := filepath.Join(t.TempDir(), "out")
		requireRefused(t, finish(t, command(t, "report", path, flag, out)), "no samples")
		require.NoFileExists(t, out)
	}
	requireRefused(t, finish(t, command(t, "compare", path, path)), "no figure about models in common")
	o := finish(t, command(t, "report", path))
	require.Equal(t, exitOK, o.status, o.stderr)
}

func TestCompareSaysWhatIsReal(t *testing.T) {
	a, b := stored(t, 1.1), stored(t, 1.05)
	o := finish(t, command(t, "compare", a, b))
	require.Equal(t, exitOK, o.status, o.stderr)
	require.Regexp(t, `echo, 100 connections +coro +CPU us +6\.\d+ +6\.\d+ +0\.955 \(ratio to the reference\) +0\.\d+ +better`, o.stdout)
	require.Contains(t, o.stdout, "1 of 2 figures have changed")
	require.NotContains(t, o.stdout, "only in")
	data, err := os.ReadFile(a)
	require.NoError(t, err)
	lines := strings.SplitAfter(string(data), "\n")
	require.NoError(t, os.WriteFile(b, []byte(lines[0]+strings.Join(slices.DeleteFunc(lines[1:11], func(line string) bool { return strings.Contains(line, "coro") }), "")), 0o644))
	o = finish(t, command(t, "compare", a, b))
	require.Contains(t, o.stdout, b+": killed after ")
	require.Contains(t, o.stdout, "only in "+a+": 1 of 2 rows, the first is coro at echo connections=100\n")
	o = finish(t, command(t, "compare", a, a, "--all"))
	require.Contains(t, o.stdout, "no change seen")
	require.Contains(t, o.stdout, "0 of 2 figures have changed")
}
