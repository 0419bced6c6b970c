package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// tiny makes a sample as short as it can be. Its figures mean nothing.
const tiny = " --duration=5ms --warmup=1ms --seed=7"

// runFile runs the command and reads what it wrote.
func runFile(t *testing.T, args string) (result.File, outcome) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.jsonl")
	o := finish(t, command(t, strings.Fields(args+tiny+" --json="+path)...))
	f, err := result.Read(path)
	require.NoError(t, err, "%+v", o)
	return f, o
}

// echoServers are the backends that are here wherever the tests are.
func echoServers() []string {
	return slices.DeleteFunc(backend.Names(), func(name string) bool {
		b, err := backend.Find(name)
		return err != nil || b.External()
	})
}

func TestRunMeasuresEveryBackend(t *testing.T) {
	names := echoServers()
	f, o := runFile(t, "--conns=1,12 --rounds=1 --backends="+strings.Join(names, ","))
	require.Equal(t, exitOK, o.status, o.stderr)

	require.Equal(t, runtime.Version(), f.Run.Host.Go)
	require.NotEmpty(t, f.Run.Argv)
	require.EqualValues(t, 7, f.Run.Seed)
	require.Equal(t, "quick", f.Run.Profile)
	require.Equal(t, backend.Floor, f.Run.Reference)
	require.Len(t, f.Run.Order, 2*len(names))
	require.Len(t, f.Samples, len(f.Run.Order))
	require.NotNil(t, f.End)
	require.False(t, f.End.Interrupted)
	for _, b := range f.Run.Backends {
		require.NotEmpty(t, b.Version, b.Name)
		if runtime.GOOS == "linux" {
			require.Equal(t, "1", b.SocketOptions["TCP_NODELAY"], b.Name)
			require.Equal(t, "0", b.SocketOptions["SO_KEEPALIVE"], b.Name)
			require.Equal(t, "6", b.SocketOptions["SO_PROTOCOL"], "%s: no Multipath TCP", b.Name)
		}
	}
	for i, s := range f.Samples {
		require.Equal(t, f.Run.Order[i], s.Step)
		require.Empty(t, s.Void, "%+v", s.Step)
		for _, m := range []string{result.Rate, result.P50, result.P99, result.P999, result.GeneratorCPUPer, result.CPUPerMessage} {
			require.Positive(t, s.Figures[m], "%s %s", s.Backend, m)
		}
		require.NotEmpty(t, s.Histograms["latency"])
	}
	page := regexp.MustCompile(`(?m)^report in (.*)$`).FindStringSubmatch(o.stdout)
	require.NotNil(t, page, o.stdout)
	html, err := os.ReadFile(page[1])
	require.NoError(t, err)
	require.Contains(t, string(html), "<svg")
	for _, text := range []string{"layout ", "seed 7\n", "1 connection, ", "12 connections, ", "results in "} {
		require.Contains(t, o.stdout, text)
	}
	require.Contains(t, o.stderr, "round 1 of 1, echo: 12 connections")
}

func TestRunReportsOtherBackendsWhenSomeFail(t *testing.T) {
	f, o := runFile(t, "--conns=3 --rounds=2 --backends=corrupts,net,hangs-up,dies,refuses,ends-badly")
	require.Equal(t, exitFailed, o.status)
	require.Equal(t, "bench: not every backend could be measured", lastLine(o.stderr))
	want := map[string]string{
		"corrupts":   "wrong byte echoed: ",
		"hangs-up":   "connection closed by the server: ",
		"dies":       "server dies: fatal error: out of luck",
		"refuses":    "server refuses: no server today",
		"ends-badly": "server ends-badly: exit status 7",
	}
	taken := map[string]int{}
	for _, s := range f.Samples {
		taken[s.Backend]++
		if text := want[s.Backend]; text != "" {
			require.Contains(t, s.Void, text)
			require.Empty(t, s.Figures)
			require.Equal(t, 1, strings.Count(o.stdout, " "+s.Backend+" failed: "+text), "it is said once: %s", o.stdout)
			continue
		}
		require.Empty(t, s.Void)
		require.Positive(t, s.Figures[result.Rate])
	}
	require.Equal(t, map[string]int{"corrupts": 1, "net": 2, "hangs-up": 1, "dies": 1, "refuses": 1, "ends-badly": 1}, taken)
}

func TestRunSearchesTheHighestRateAndWatchesTheOthers(t *testing.T) {
	f, o := runFile(t, "--rounds=1 --backends=reactor --profile=full --scenario=rate --conns=9 --rate=500")
	require.Equal(t, exitOK, o.status, o.stdout+o.stderr)
	searched := slices.IndexFunc(f.Samples, func(s result.Sample) bool { return s.Point.Axes[scenario.Limit] > 0 })
	require.GreaterOrEqual(t, searched, 0)
	found := f.Samples[searched]
	require.Empty(t, found.Void)
	require.Contains(t, found.Figures, result.HighestRate)
	if runtime.GOOS == "linux" {
		require.Contains(t, found.Figures, result.ForeignCPU, "what would make a rate fail that holds")
	}
}

func TestRunAsksEveryScenario(t *testing.T) {
	for _, s := range scenario.All {
		t.Run(s.Name, func(t *testing.T) {
			b, err := backend.Find("reactor")
			require.NoError(t, err)
			if !b.Offers(s.Workload) {
				t.Skipf("no backend runs the workload %s yet", s.Workload)
			}
			f, o := runFile(t, "--rounds=1 --backends=reactor --conns=9 --rate=500 --active=3 --scenario="+s.Name)
			require.Equal(t, exitOK, o.status, o.stdout+o.stderr)
			require.NotEmpty(t, f.Samples)
			for _, sample := range f.Samples {
				require.Empty(t, sample.Void)
				require.NotEmpty(t, sample.Figures)
			}
			require.Contains(t, o.stdout, s.Name+": "+s.Question)
		})
	}
}

func TestRunHasEveryLayout(t *testing.T) {
	for _, layout := range []string{"split", "shared", "none"} {
		t.Run(layout, func(t *testing.T) {
			if layout != "none" && (runtime.GOOS != "linux" || runtime.NumCPU() < 2) {
				t.Skip("pinning needs Linux and two processors")
			}
			f, o := runFile(t, "--conns=10 --rounds=1 --depth=4 --loops=2 --backends=floor --layout="+layout)
			require.Equal(t, exitOK, o.status, o.stderr)
			require.Equal(t, layout, f.Run.Plan.Layout.String())
			require.Contains(t, o.stdout, "layout "+layout)
		})
	}
}

// The same backend under two labels is the check of the laboratory itself. The
// verdict allows for chance: five runs of a hundred may find something, three in a
// row would be one time in eight thousand.
func TestTwiceFindsNoDifference(t *testing.T) {
	var o outcome
	for range 3 {
		o = finish(t, command(t, strings.Fields("--aa=net --conns=10 --duration=20ms --warmup=5ms --json="+filepath.Join(t.TempDir(), "aa.jsonl"))...))
		if o.status == exitOK {
			break
		}
	}
	require.Equal(t, exitOK, o.status, "%+v", o)
	require.Regexp(t, `\d+ comparisons of net with itself: no difference found`, o.stdout)
}

func TestIdleMeasuresEveryBackend(t *testing.T) {
	o := finish(t, command(t, "idle", "--conns=9", "--duration=10ms", "--backends="+strings.Join(echoServers(), ",")))
	require.Equal(t, exitOK, o.status, o.stderr)
	for _, name := range echoServers() {
		b, err := backend.Find(name)
		require.NoError(t, err)
		live := `-?\d+`
		if b.Processes { // nobody tells what a collection has left in each
			live = `-`
		}
		require.Regexp(t, `(?m)^ `+name+` +`+live+` `, o.stdout)
	}
}

func TestIdleReportsOtherBackendsWhenOneFails(t *testing.T) {
	o := finish(t, command(t, "idle", "--conns=9", "--duration=10ms", "--backends=net,corrupts"))
	require.Equal(t, exitFailed, o.status)
	require.Contains(t, o.stdout, " corrupts failed: wrong byte echoed")
	require.Regexp(t, `(?m)^ net +-?\d+`, o.stdout)
}

// A disk of 32 KB holds the head and few samples.
func TestRunEndsWithOneLineWhenTheDiskIsFull(t *testing.T) {
	dir := t.TempDir()
	bench := command(t, strings.Fields("--backends=net --conns=1 --rounds=100 --json="+filepath.Join(dir, "out.jsonl")+tiny)...)
	script := `mount -t tmpfs -o size=32k none "$0" && exec "$@"`
	if err := exec.Command("unshare", "-m", "sh", "-c", script, dir, "true").Run(); err != nil {
		t.Skip("a small disk needs the right to mount one: ", err)
	}
	bench.Args = append([]string{"unshare", "-m", "sh", "-c", script, dir}, bench.Args...)
	bench.Path = mustFind(t, "unshare")
	o := finish(t, bench)
	require.Equal(t, exitUsage, o.status, "%+v", o)
	require.Empty(t, o.stdout)
	require.Contains(t, lastLine(o.stderr), "no space left on device; ")
	require.Regexp(t, `\d+ of 100 samples are in `, lastLine(o.stderr))
}

func mustFind(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err)
	return path
}

func TestRunDoesNotReplaceResults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	o := finish(t, command(t, strings.Fields("--backends=net --conns=1 --rounds=1 --json="+path+tiny)...))
	require.Equal(t, exitOK, o.status, o.stderr)
	requireRefused(t, finish(t, command(t, strings.Fields("--backends=net --json="+path)...)), "exists, and results are not replaced")
	_, err := result.Read(path)
	require.NoError(t, err)
}

// What was measured is not lost, and where it is has been said.
func TestRunSaysWhereItsResultsAreWithoutAPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jsonl")
	require.NoError(t, os.Mkdir(pageOf(path), 0o755))
	o := finish(t, command(t, strings.Fields("--backends=net --conns=1 --rounds=1 --json="+path+tiny)...))
	require.Equal(t, exitUsage, o.status, o.stderr)
	require.Contains(t, o.stdout, "\nresults in "+path+"\n")
	require.Contains(t, lastLine(o.stderr), "out.html")
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return lines[len(lines)-1]
}
