package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/child"
	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/poller"
)

// The bar: datagrams per second of the server's processor time, beside a server over
// package net. The servers run on one processor, the load on another.
//
//	WEFT_BARS=1 go test -v -count=1 -run Bar ./examples/udpecho
//
// A number above 1 is that of rounds. Each round asks both servers, in an order of
// chance, for each number of datagrams that the load has under way. One client is what
// trains of datagrams like best (poller/trains_linux.go); of 64 each gets its own answer.

const roleVariable = "WEFT_UDPECHO_ROLE"

// roles are what the test binary is as a process of its own.
func roles() {
	switch os.Getenv(roleVariable) {
	case "net":
		cli.Main("udpecho over net", serveNet)
	case "load":
		if err := coro.Run(context.Background(), load); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	default:
		main()
	}
}

// serveNet is the server as package net has it, by the calls that allocate nothing.
func serveNet(addr string) error {
	at, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return err
	}
	c, err := net.ListenUDP("udp", at)
	if err != nil {
		return err
	}
	fmt.Println("listening on", c.LocalAddr())
	for room := make([]byte, largest); ; {
		n, peer, err := c.ReadFromUDPAddrPort(room)
		if err != nil {
			return err
		}
		if _, err := c.WriteToUDPAddrPort(room[:n], peer); err != nil {
			return err
		}
	}
}

const datagramSize = 64

// load reads lines: an address, how many answers to collect, how many datagrams to
// have under way, and how many clients share them. When they have come it writes a line.
func load(ctx context.Context) error {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var addr string
		var answers, window, clients int
		if _, err := fmt.Sscan(lines.Text(), &addr, &answers, &window, &clients); err != nil {
			return err
		}
		total := 0
		err := coro.WithScope(ctx, func(s *coro.Scope) error {
			for range clients {
				if err := s.Go(func(ctx context.Context) error {
					c, err := coro.DialPacket(ctx, "udp", addr)
					if err != nil {
						return err
					}
					lost, err := collect(c, answers/clients, window/clients)
					total += lost
					return errors.Join(err, c.Close())
				}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println("lost", total)
	}
	return nil
}

// collect keeps a window of datagrams under way, one for each answer. What is lost is
// sent again when nothing comes any more.
func collect(c *coro.PacketConn, answers, window int) (lost int, err error) {
	in, out := make([]coro.Message, poller.MaxDatagrams), make([]coro.Message, window)
	for i := range in {
		in[i].Payload = make([]byte, datagramSize)
	}
	for i := range out {
		out[i].Payload = make([]byte, datagramSize)
	}
	for got, send := 0, window; got < answers; {
		for send > 0 {
			n, err := c.WriteBatch(out[:send])
			if err != nil {
				return lost, err
			}
			send -= n
		}
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return lost, err
		}
		n, err := c.ReadBatch(in)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			lost, send = lost+window, window
			continue
		}
		if err != nil {
			return lost, err
		}
		got, send = got+n, min(n, window) // what was taken for lost may come late
	}
	return lost, nil
}

func TestBarDatagramsPerCPUSecond(t *testing.T) {
	if os.Getenv("WEFT_BARS") == "" {
		t.Skip("measures; set WEFT_BARS=1")
	}
	needs(t, "taskset", "apt-get install util-linux")
	rounds := 15
	if n, err := strconv.Atoi(os.Getenv("WEFT_BARS")); err == nil && n > 1 {
		rounds = n
	}
	ours, theirs, source := startPinned(t, "0", ""), startPinned(t, "0", "net"), startPinned(t, "1", "load")
	const bar = 1.3
	for _, c := range []struct{ window, clients int }{{1, 1}, {8, 1}, {64, 1}, {64, 64}, {256, 1}, {256, 64}} {
		var rates [2][]float64
		var ratios []float64
		for range rounds {
			var got [2]float64
			for _, i := range rand.Perm(2) {
				got[i] = source.perCPUSecond([]*pinned{ours, theirs}[i], c.window, c.clients)
				rates[i] = append(rates[i], got[i])
			}
			ratios = append(ratios, got[0]/got[1])
		}
		t.Logf("%3d under way, of %2d clients: datagrams per CPU second: weft %.0f, net %.0f; %.2f times (quartiles %.2f to %.2f), medians of %d rounds",
			c.window, c.clients, at(rates[0], 1, 2), at(rates[1], 1, 2), at(ratios, 1, 2), at(ratios, 1, 4), at(ratios, 3, 4), rounds)
		if c.window == 64 && c.clients == 1 {
			require.GreaterOrEqual(t, at(ratios, 1, 2), bar, "datagrams per CPU second, weft to net")
		}
	}
}

// at is the value at a part of the way from the smallest to the largest.
func at(of []float64, part, parts int) float64 {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[len(sorted)*part/parts]
}

// pinned is the test binary in one of its roles, on one processor.
type pinned struct {
	t    *testing.T
	cmd  *exec.Cmd
	addr string
	in   io.WriteCloser
	out  *bufio.Reader
}

// startPinned gives the process one processor and GOMAXPROCS 1, as bench does.
func startPinned(t *testing.T, cpu, role string) *pinned {
	t.Helper()
	taskset, err := exec.LookPath("taskset")
	require.NoError(t, err)
	cmd := child.Command()
	cmd.Args = []string{taskset, "-c", cpu, cmd.Path}
	if role != "load" {
		cmd.Args = append(cmd.Args, "-addr", "127.0.0.1:0")
	}
	cmd.Path = taskset
	cmd.Env = append(cmd.Env, roleVariable+"="+role, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	p := &pinned{t: t, cmd: cmd}
	p.in, err = cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = p.in.Close()
		_ = cmd.Process.Kill() // nothing of it is wanted any more
		_ = cmd.Wait()
	})
	p.out = bufio.NewReader(out)
	if role != "load" {
		line, err := p.out.ReadString('\n')
		require.NoError(t, err)
		p.addr = strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
	}
	return p
}

// perCPUSecond lets the load ask a server, which is warm by then.
func (p *pinned) perCPUSecond(server *pinned, window, clients int) float64 {
	p.t.Helper()
	answers := 64_000
	if window == 1 {
		answers = 16_000
	}
	p.ask(server.addr, 1024, window, clients)
	before := server.cpu()
	lost := p.ask(server.addr, answers, window, clients)
	used := server.cpu() - before
	require.Less(p.t, lost, answers/20, "datagrams lost of %d", answers)
	return float64(answers) / used.Seconds()
}

func (p *pinned) ask(addr string, answers, window, clients int) (lost int) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, addr, answers, window, clients)
	require.NoError(p.t, err)
	line, err := p.out.ReadString('\n')
	require.NoError(p.t, err)
	_, err = fmt.Sscanf(line, "lost %d\n", &lost)
	require.NoError(p.t, err)
	return lost
}

// cpu is what the process has used so far, of user and system time.
//
// Quirk(linux): the number of a process's CPU clock; see clock_getcpuclockid(3).
func (p *pinned) cpu() time.Duration {
	const schedClock = 2
	var ts unix.Timespec
	require.NoError(p.t, unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|schedClock, &ts))
	return time.Duration(ts.Nano())
}
