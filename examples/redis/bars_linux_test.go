package main

import (
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/paired"
)

// The figures of examples/README.md. They take two minutes, so they are asked for:
//
//	WEFT_BARS=1 go test -v -count=1 -run Bar ./examples/redis
//
// The client is redis-benchmark. What is compared is requests per second of processor
// time, of all threads of the server: how fast the client can ask does not count.

// side is one of the two servers.
type side struct {
	addr string
	cpu  func() time.Duration
}

// startOurs starts our server.
//
// Its GOMAXPROCS is 2, on one processor. With 1, the Go runtime's monitor thread,
// whose time counts as well, takes the only P away whenever the loop sleeps for
// more than 20 us, and wakes up every 20 us to do so.
func startOurs(t *testing.T) side {
	p := paired.Start(t, paired.Options{
		CPU: paired.ServerCPU, Env: []string{"GOMAXPROCS=2"}, Args: []string{"-addr", "127.0.0.1:0"},
	})
	t.Cleanup(p.Stop)
	return side{p.Addr, p.CPU}
}

func startTheirs(t *testing.T) side {
	addr, cmd := startRedisServer(t, paired.Pinned(paired.ServerCPU)...)
	return side{addr, func() time.Duration { return paired.CPU(t, cmd.Process.Pid) }}
}

var requestsDone = regexp.MustCompile(`[\d.]+ requests per second`)

// perCPUSecond is a run of redis-benchmark.
func (s side) perCPUSecond(t *testing.T, requests int, args ...string) float64 {
	host, port, err := net.SplitHostPort(s.addr)
	require.NoError(t, err)
	args = append(append(paired.Pinned(paired.LoadCPU), "redis-benchmark", "-h", host, "-p", port, "-q", "-c", "50", "-n", strconv.Itoa(requests)), args...)
	before := s.cpu()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	used := s.cpu() - before
	require.NoError(t, err, "%s", out)
	require.Regexp(t, requestsDone, string(out))
	return float64(requests) / used.Seconds()
}

func TestBarAgainstRedisServer(t *testing.T) {
	rounds := paired.Asked(t, 15)
	needs(t, "taskset", "util-linux")
	needs(t, "redis-benchmark", "redis-tools")
	ours, theirs := startOurs(t), startTheirs(t)
	for _, c := range []struct {
		command  string
		pipeline int
		requests int
		bar      float64
	}{{"get", 16, 400_000, 0.9}, {"set", 16, 400_000, 0.9}, {"get", 1, 50_000, 0.95}, {"set", 1, 50_000, 0.95}} {
		paired.Rounds(rounds, func(weft bool) float64 {
			server := theirs
			if weft {
				server = ours
			}
			return server.perCPUSecond(t, c.requests, "-t", c.command, "-P", strconv.Itoa(c.pipeline))
		}).AtLeast(t, c.bar, fmt.Sprintf("requests per CPU second, %s -P %d", c.command, c.pipeline), "redis-server")
	}
}
