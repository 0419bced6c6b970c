//go:build linux

package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/child"
)

// The figures of examples/README.md. They take two minutes, so they are asked for:
//
//	WEFT_BARS=1 go test -v -count=1 -run Bar ./examples/redis
//
// Both servers run on one processor, and redis-benchmark on another. Each round asks
// both, in an order of chance, so that what else the machine does meets both. What
// is compared is requests per second of processor time, of all threads of the
// server: how fast the client can ask does not count.

// pinned is the beginning of a command line that keeps a program on a processor.
func pinned(processor int) []string { return []string{"taskset", "-c", strconv.Itoa(processor)} }

// startPinned starts our server, on the first processor.
//
// Its GOMAXPROCS is 2, on one processor. With 1, the Go runtime's monitor thread,
// whose time counts as well, takes the only P away whenever the loop sleeps for
// more than 20 us, and wakes up every 20 us to do so.
func startPinned(t *testing.T) (addr string, pid int) {
	cmd := child.Command("-addr", "127.0.0.1:0")
	cmd.Env = append(cmd.Env, "GOMAXPROCS=2")
	path, err := exec.LookPath("taskset")
	require.NoError(t, err)
	cmd.Path, cmd.Args = path, append(pinned(0), cmd.Args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, cmd.Wait())
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(strings.TrimPrefix(line, "listening on ")), cmd.Process.Pid
}

// cpuTime is the time on a processor of all threads of a process.
func cpuTime(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	require.NoError(t, err)
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
		require.NoError(t, err)
		var ns int64
		_, err = fmt.Sscan(string(text), &ns)
		require.NoError(t, err)
		sum += time.Duration(ns)
	}
	return sum
}

var perSecond = regexp.MustCompile(`([\d.]+) requests per second`)

// load is a run of redis-benchmark: requests per second, and per second of the
// server's processor time.
func load(t *testing.T, addr string, pid, requests int, args ...string) (rate, perCPU float64) {
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	args = append(append(pinned(1), "redis-benchmark", "-h", host, "-p", port, "-q", "-c", "50", "-n", strconv.Itoa(requests)), args...)
	before := cpuTime(t, pid)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	used := cpuTime(t, pid) - before
	require.NoError(t, err, "%s", out)
	found := perSecond.FindAllStringSubmatch(string(out), -1)
	require.NotEmpty(t, found, "%s", out)
	rate, err = strconv.ParseFloat(found[len(found)-1][1], 64)
	require.NoError(t, err)
	return rate, float64(requests) / used.Seconds()
}

func TestBarAgainstRedisServer(t *testing.T) {
	if os.Getenv("WEFT_BARS") == "" {
		t.Skip("measures; set WEFT_BARS=1")
	}
	needs(t, "taskset", "util-linux")
	needs(t, "redis-benchmark", "redis-tools")
	theirs, cmd := startRedisServer(t, pinned(0)...)
	ours, pid := startPinned(t)
	type server struct {
		addr string
		pid  int
	}
	servers := []server{{ours, pid}, {theirs, cmd.Process.Pid}}
	const rounds = 15
	for _, c := range []struct {
		command  string
		pipeline int
		requests int
		bar      float64
	}{{"get", 16, 400_000, 0.9}, {"set", 16, 400_000, 0.9}, {"get", 1, 50_000, 0.95}, {"set", 1, 50_000, 0.95}} {
		var rates, perCPU [2][]float64
		var ratios []float64
		for range rounds {
			var got [2]float64
			for _, i := range rand.Perm(2) {
				rate, per := load(t, servers[i].addr, servers[i].pid, c.requests, "-t", c.command, "-P", strconv.Itoa(c.pipeline))
				rates[i], perCPU[i] = append(rates[i], rate), append(perCPU[i], per)
				got[i] = per
			}
			ratios = append(ratios, got[0]/got[1])
		}
		t.Logf("%s -P %-2d  requests per CPU second: weft %8.0f, redis-server %8.0f, ratio %.3f (quartiles %.3f to %.3f), bar %.2f; per second: %.0f and %.0f",
			c.command, c.pipeline, median(perCPU[0]), median(perCPU[1]), median(ratios), at(ratios, 1, 4), at(ratios, 3, 4), c.bar, median(rates[0]), median(rates[1]))
	}
}

func median(of []float64) float64 { return at(of, 1, 2) }

// at is the value at a part of the way from the smallest to the largest.
func at(of []float64, part, parts int) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)*part/parts]
}
