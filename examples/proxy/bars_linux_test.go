package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/examples/internal/child"
)

// The bar: bytes per second of the proxy's CPU, beside a proxy over package net. The
// proxies run on CPU 0, both ends of the stream on CPU 1.
//
//	WEFT_BARS=1 go test -v -run Bar ./examples/proxy

const (
	proxyCPU, loadCPU = "0", "1"
	streamSize        = 1 << 30
)

func TestBarBytesPerCPUSecond(t *testing.T) {
	if os.Getenv("WEFT_BARS") == "" {
		t.Skip("measures; set WEFT_BARS=1")
	}
	rounds := 9
	if n, err := strconv.Atoi(os.Getenv("WEFT_BARS")); err == nil && n > 1 {
		rounds = n
	}
	source := startPinned(t, loadCPU, roleVariable+"=load")
	defer source.end()
	var coroRate, netRate, ratios []float64
	for range rounds {
		rates := map[string]float64{}
		roles := []string{"", "net"}
		rand.Shuffle(2, func(i, j int) { roles[i], roles[j] = roles[j], roles[i] })
		for _, role := range roles {
			rates[role] = bytesPerCPUSecond(t, source, role)
		}
		coroRate, netRate = append(coroRate, rates[""]), append(netRate, rates["net"])
		ratios = append(ratios, rates[""]/rates["net"])
	}
	t.Logf("GB per second of CPU: coro %.2f, net %.2f; %.2f times, from %.2f to %.2f; medians of %d rounds in pairs",
		median(coroRate)/1e9, median(netRate)/1e9, median(ratios), slices.Min(ratios), slices.Max(ratios), rounds)
	require.GreaterOrEqual(t, median(ratios), 1.0, "bytes per second of CPU, coro to net")
}

// bytesPerCPUSecond sends a stream through a new proxy of the kind.
func bytesPerCPUSecond(t *testing.T, source *pinned, role string) float64 {
	t.Helper()
	p := startPinned(t, proxyCPU, roleVariable+"="+role, "-addr", "127.0.0.1:0", "-upstream", source.addr, "-check", "0")
	defer p.end()
	source.fetch(p.addr, 64<<20) // to be warm
	before := p.cpu()
	source.fetch(p.addr, streamSize)
	return streamSize / (p.cpu() - before).Seconds()
}

func median(figures []float64) float64 {
	return slices.Sorted(slices.Values(figures))[len(figures)/2]
}

// pinned is the test binary in one of its roles, on one CPU.
type pinned struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	in   io.WriteCloser
	out  *bufio.Reader
}

func startPinned(t *testing.T, cpu, role string, args ...string) *pinned {
	t.Helper()
	taskset, err := exec.LookPath("taskset")
	require.NoError(t, err, "taskset, of package util-linux")
	cmd := child.Command(args...)
	cmd.Args = append([]string{taskset, "-c", cpu, cmd.Path}, args...)
	cmd.Path = taskset
	cmd.Env = append(cmd.Env, role)
	cmd.Stderr = os.Stderr
	p := &pinned{t: t, cmd: cmd}
	p.in, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p.out = bufio.NewReader(out)
	line, err := p.out.ReadString('\n')
	require.NoError(t, err)
	p.addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	return p
}

func (p *pinned) end() {
	_ = p.in.Close()
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // nothing of it is wanted any more
	_ = p.cmd.Wait()
}

// fetch is for the load: a stream through the proxy at the address.
func (p *pinned) fetch(addr string, size int) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, addr, size)
	require.NoError(p.t, err)
	line, err := p.out.ReadString('\n')
	require.NoError(p.t, err)
	require.Equal(p.t, fmt.Sprintf("got %d\n", size), line)
}

// cpu is what the process has used so far, of user and system time.
func (p *pinned) cpu() time.Duration {
	// Quirk(linux): the number of a process's CPU clock; see clock_getcpuclockid(3).
	const schedClock = 2
	var ts unix.Timespec
	require.NoError(p.t, unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|schedClock, &ts))
	return time.Duration(ts.Nano())
}
