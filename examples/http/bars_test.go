//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/examples/internal/paired"
)

// The figures of README.md:
//
//	WEFT_BARS=1 go test -v -run Bar ./examples/http
//
// Each is taken with the limits that the server has by default, and without
// deadlines.
func eachLimits(t *testing.T, test func(t *testing.T, args []string)) {
	t.Run("with deadlines", func(t *testing.T) { test(t, nil) })
	t.Run("without deadlines", func(t *testing.T) {
		test(t, []string{"-header-timeout", "0", "-body-timeout", "0", "-answer-timeout", "0", "-idle-timeout", "0"})
	})
}

func TestBarCPUPerRequest(t *testing.T) {
	eachLimits(t, func(t *testing.T, args []string) {
		paired.Alternating(t, 15, func(s *paired.Process) float64 {
			before := s.CPU()
			requests := wrk(t, s.Addr, "1s")
			return float64(s.CPU()-before) / 1000 / requests
		}, args...).AtMost(t, 1.0, "us of CPU a request", "net")
	})
}

var wrkRequests = regexp.MustCompile(`(\d+) requests in`)

// wrk is 100 clients of the program of that name.
func wrk(t *testing.T, addr, duration string) (requests float64) {
	t.Helper()
	out, err := exec.Command("taskset", "-c", paired.LoadCPU, "wrk", "-t", "1", "-c", "100", "-d", duration, "http://"+addr+"/").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "Socket errors")
	found := wrkRequests.FindSubmatch(out)
	require.NotNil(t, found, "%s", out)
	requests, err = strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	return requests
}

func TestBarMemoryOfIdleConnections(t *testing.T) {
	const conns = 5000
	compare := func(t *testing.T, args []string) {
		paired.Fresh(t, 3, func(s *paired.Process) float64 {
			require.NoError(t, pin.Process([]int{1}))
			first := openIdle(t, s.Addr, 100) // what there is once
			defer closeAll(first)
			before := s.Resident()
			defer closeAll(openIdle(t, s.Addr, conns))
			time.Sleep(time.Second) // let a collection that is under way end
			return (s.Resident() - before) / conns
		}, args...).AtMost(t, 0.6, "bytes an idle connection", "net")
	}
	eachLimits(t, compare)
	t.Run("against fasthttp with ReduceMemoryUsage", func(t *testing.T) {
		t.Setenv(frugal, "1")
		compare(t, nil)
	})
}

// openIdle opens connections, and asks for / on each.
func openIdle(t *testing.T, addr string, n int) (open []net.Conn) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		open = append(open, c)
		fetch(t, c)
	}
	return open
}

func fetch(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: weft\r\n\r\n")
	require.NoError(t, err)
	in := bufio.NewReaderSize(c, 1024)
	length := 0
	for {
		line, err := in.ReadString('\n')
		require.NoError(t, err)
		if line == "\r\n" {
			break
		}
		if value, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			length, err = strconv.Atoi(strings.TrimSpace(value))
			require.NoError(t, err)
		}
	}
	_, err = io.ReadFull(in, make([]byte, length))
	require.NoError(t, err)
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}
