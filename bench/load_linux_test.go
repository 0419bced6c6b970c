package main

import (
	"bytes"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/bench/load"
)

// TestLoadSeesAStallInAnOpenLoop is what an open loop is for: a server that stands
// still for a second of twelve. Of 12 000 planned requests a thousand fall into the
// stall and wait for what is left of it, 0 to 1 s, so that the 99th percentile is
// close to 0.9 s. Counted from the actual send of a closed loop it would be close to
// nothing: one bad request per connection.
func TestLoadSeesAStallInAnOpenLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 12 seconds")
	}
	const (
		rate     = 1000
		duration = 12 * time.Second
		stopAt   = 5 * time.Second
		stopFor  = time.Second
	)
	s := serve(t, "net", "--addr=127.0.0.1:0")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	g, err := load.Start(t.Context(), load.Spec{Server: s.addr, Seed: 1, Groups: []load.Group{
		{Name: "paced", Role: load.Paced, Conns: 20, Size: 64, Depth: 1, Rate: rate, Arrivals: load.Fixed},
	}}, nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	_, err = g.Dial(t.Context(), 0)
	require.NoError(t, err)
	require.NoError(t, g.Touch(t.Context()))

	stalled := make(chan error, 2)
	begun := time.AfterFunc(stopAt, func() { stalled <- s.cmd.Process.Signal(syscall.SIGSTOP) })
	defer begun.Stop()
	over := time.AfterFunc(stopAt+stopFor, func() { stalled <- s.cmd.Process.Signal(syscall.SIGCONT) })
	defer over.Stop()
	o, err := g.Run(t.Context(), duration)
	require.NoError(t, err)
	require.NoError(t, <-stalled)
	require.NoError(t, <-stalled)

	require.Empty(t, o.Void)
	m := o.Groups[0]
	require.InDelta(t, rate*duration.Seconds(), float64(m.Planned), 20, "a phase for each connection")
	require.Equal(t, m.Planned, m.Sent)
	require.Equal(t, m.Planned, m.Received, "no request is lost")
	latency, err := m.Latency.Decode()
	require.NoError(t, err)
	require.EqualValues(t, m.Planned, latency.TotalCount())
	p99, longest := time.Duration(latency.ValueAtPercentile(99)), time.Duration(latency.Max())
	t.Logf("p50 %v, p99 %v, max %v; generator-limited: %v", time.Duration(latency.ValueAtPercentile(50)), p99, longest, m.GeneratorLimited)
	require.GreaterOrEqual(t, p99, 700*time.Millisecond)
	require.GreaterOrEqual(t, longest, 900*time.Millisecond)
	require.GreaterOrEqual(t, m.LongestWait, longest*99/100)
}

// loading is a load that will not end by itself, of several processes.
func loading(t *testing.T) (parent int, children []int, wait func() error, stderr *bytes.Buffer, f family) {
	t.Helper()
	s := serve(t, "net", "--addr=127.0.0.1:0")
	f = family("WEFT_BENCH_TEST_FAMILY=" + t.Name())
	cmd := limited(t, command(t, "load", "--addr="+s.addr, "--conns=50", "--duration=1h"), 120)
	cmd.Env = append(os.Environ(), string(f))
	stderr = new(bytes.Buffer)
	cmd.Stderr = stderr
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for len(f.members(t)) < 4 {
		require.NoError(t, cmd.Process.Signal(syscall.Signal(0)), "it ended: %s", stderr)
	}
	for _, pid := range f.members(t) {
		if pid != cmd.Process.Pid {
			children = append(children, pid)
		}
	}
	return cmd.Process.Pid, children, cmd.Wait, stderr, f
}

func TestLoadLeavesNoChildWhenItIsKilled(t *testing.T) {
	parent, children, wait, _, _ := loading(t)
	require.Len(t, children, 3)
	var ends []int
	for _, pid := range children {
		end, err := unix.PidfdOpen(pid, 0)
		if err == unix.ENOSYS {
			t.Skip("the kernel has no pidfd_open")
		}
		require.NoError(t, err)
		defer unix.Close(end)
		ends = append(ends, end)
	}
	require.NoError(t, syscall.Kill(parent, syscall.SIGKILL))
	require.Error(t, wait())
	for _, end := range ends {
		// A process's descriptor is readable when it has ended.
		n, err := 0, error(unix.EINTR)
		for err == unix.EINTR {
			n, err = unix.Poll([]unix.PollFd{{Fd: int32(end), Events: unix.POLLIN}}, int(patience.Milliseconds()))
		}
		require.NoError(t, err)
		require.Equal(t, 1, n, "a generator still runs")
	}
}

func TestLoadLeavesNoChildWhenItIsInterrupted(t *testing.T) {
	parent, _, wait, stderr, f := loading(t)
	require.NoError(t, syscall.Kill(parent, syscall.SIGINT))
	require.Error(t, wait())
	require.Equal(t, "bench: interrupted\n", stderr.String())
	require.Empty(t, f.members(t), "no process is left")
}
