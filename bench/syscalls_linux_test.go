package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/server"
)

// tracedMessages is how many messages system calls are counted over, at least:
// enough for the few calls at the beginning and the end not to matter.
const tracedMessages = 1000

// syscallsPerMessage runs one loop of a backend, lets conns connections send
// batches of depth messages, and returns how often each system call was made,
// divided by the messages. Connections are set up and used before counting
// begins.
//
// Only threads that write are counted. The others are the Go runtime's: its
// monitor looks at the runtime's own poller every 10 ms, with the same calls as
// a loop does, but by time and not by message.
//
// It skips the test where processes cannot be traced.
func syscallsPerMessage(t *testing.T, name string, conns, depth int) map[string]float64 {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("system calls are counted by strace, which is not installed")
	}
	// Go's runtime preempts a goroutine that has run for 10 ms by a signal,
	// which cuts a wait short: by time, not by message.
	t.Setenv("GODEBUG", "asyncpreemptoff=1")
	ctx := t.Context()
	srv, err := server.Start(ctx, server.Options{Backend: name, Loops: 1, Plan: pin.Plan{ServerProcs: 1}})
	require.NoError(t, err)
	defer srv.Close()
	g, err := load.Open(echoes(srv, conns, 64, depth, 0))
	require.NoError(t, err)
	defer func() { require.NoError(t, g.Close()) }()
	_, err = g.Dial(ctx, conns)
	require.NoError(t, err)
	_, err = g.Exchange(ctx, 2)
	require.NoError(t, err)

	calls := filepath.Join(t.TempDir(), "calls")
	trace := exec.CommandContext(ctx, "strace", "-f", "-o", calls, "-p", strconv.Itoa(srv.PID()))
	said, err := trace.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, trace.Start())
	// The one line that comes at once says that all threads are attached, or
	// why they are not.
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !strings.Contains(line, "attached") {
		_ = trace.Wait()
		t.Skipf("strace cannot attach to a process here: %s", line)
	}
	r, err := g.Exchange(ctx, tracedMessages/(conns*depth)+1)
	require.NoError(t, err)
	require.NoError(t, trace.Process.Signal(os.Interrupt))
	_ = trace.Wait() // it ends by the signal

	lines, err := os.ReadFile(calls)
	require.NoError(t, err)
	per := map[string]float64{}
	for _, thread := range byThread(lines) {
		if thread["write"]+thread["writev"]+thread["sendto"] == 0 {
			continue
		}
		for name, n := range thread {
			per[name] += float64(n) / float64(r.Groups[0].Received)
		}
	}
	require.NotEmpty(t, per, "no thread wrote")
	return per
}

// call begins a line of strace -f: the thread and the name of its call. The
// second half of a call that was not finished at once is another line, which
// does not match.
var call = regexp.MustCompile(`(?m)^(\d+) +(\w+)\(`)

// byThread counts the calls of each thread by their names.
func byThread(lines []byte) map[string]map[string]int {
	threads := map[string]map[string]int{}
	for _, m := range call.FindAllSubmatch(lines, -1) {
		tid, name := string(m[1]), string(m[2])
		if threads[tid] == nil {
			threads[tid] = map[string]int{}
		}
		threads[tid][name]++
	}
	return threads
}

// echoes is a load of one group of echo connections.
func echoes(srv *server.Process, conns, size, depth int, seed uint64) load.Spec {
	return load.Spec{
		Server: srv.Addr.String(),
		Groups: []load.Group{{Name: "echo", Role: load.Echo, Conns: conns, Size: size, Depth: depth}},
		Seed:   seed,
	}
}

// reads and writes are the calls that moved the messages.
func reads(per map[string]float64) float64  { return per["read"] + per["recvfrom"] }
func writes(per map[string]float64) float64 { return per["write"] + per["writev"] + per["sendto"] }

// waits is how many of the calls waited for events.
func waits(per map[string]float64) float64 {
	return per["epoll_wait"] + per["epoll_pwait"] + per["epoll_pwait2"]
}

func TestLoopsMakeTwoCallsPerMessageAndOnePerWait(t *testing.T) {
	const slack = 0.02 // the beginning and the end
	for _, name := range []string{backend.Floor, "reactor", "coro"} {
		for _, c := range []struct {
			name         string
			conns, depth int
			waits        float64 // per message, at most
		}{
			{"each message on its own", 1, 1, 1},
			{"several are ready per wait", 50, 1, 0.5},
		} {
			t.Run(name+": "+c.name, func(t *testing.T) {
				per := syscallsPerMessage(t, name, c.conns, c.depth)
				require.InDelta(t, 1, reads(per), slack, "%v", per)
				require.InDelta(t, 1, writes(per), slack, "%v", per) // a wake-up would be one more
				require.Positive(t, waits(per), "%v", per)
				require.LessOrEqual(t, waits(per), c.waits+slack, "%v", per)
				require.Zero(t, per["epoll_ctl"], "%v", per)
			})
		}
		t.Run(name+": a batch is one message to the kernel", func(t *testing.T) {
			per := syscallsPerMessage(t, name, 10, 16)
			require.InDelta(t, 1.0/16, writes(per), slack, "%v", per)
		})
	}
}
