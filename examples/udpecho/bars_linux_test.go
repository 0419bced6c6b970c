package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/examples/internal/paired"
	"github.com/weft-go/weft/poller"
)

// The bar: datagrams per second of the server's processor time, beside a server over
// package net. The servers run on one processor, the load on another.
//
//	WEFT_BARS=1 go test -v -count=1 -run Bar ./examples/udpecho
//
// One client is what trains of datagrams like best (poller/trains_linux.go); of 64 each
// gets its own answer.

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
	rounds := paired.Asked(t, 15)
	ours, theirs, source := startRole(t, ""), startRole(t, "net"), startRole(t, "load")
	for _, c := range []struct{ window, clients int }{{1, 1}, {8, 1}, {64, 1}, {64, 64}, {256, 1}, {256, 64}} {
		figures := paired.Rounds(rounds, func(weft bool) float64 {
			server := theirs
			if weft {
				server = ours
			}
			return perCPUSecond(t, source, server, c.window, c.clients)
		})
		unit := fmt.Sprintf("datagrams per CPU second, %d under way of %d clients", c.window, c.clients)
		if c.window == 64 && c.clients == 1 {
			figures.AtLeast(t, 1.3, unit, "net")
		} else {
			figures.Log(t, unit, "net")
		}
	}
}

// startRole starts the test binary in one of its roles.
func startRole(t *testing.T, role string) *paired.Process {
	t.Helper()
	o := paired.Options{CPU: paired.ServerCPU, Args: []string{"-addr", "127.0.0.1:0"}}
	if role == "load" {
		o = paired.Options{CPU: paired.LoadCPU, Silent: true}
	}
	o.Env = []string{roleVariable + "=" + role, "GOMAXPROCS=1"}
	p := paired.Start(t, o)
	t.Cleanup(p.Stop)
	return p
}

// perCPUSecond lets the load ask a server, which is warm by then.
func perCPUSecond(t *testing.T, source, server *paired.Process, window, clients int) float64 {
	t.Helper()
	answers := 64_000
	if window == 1 {
		answers = 16_000
	}
	request(t, source, server.Addr, 1024, window, clients)
	before := server.CPU()
	lost := request(t, source, server.Addr, answers, window, clients)
	used := server.CPU() - before
	require.Less(t, lost, answers/20, "datagrams lost of %d", answers)
	return float64(answers) / used.Seconds()
}

func request(t *testing.T, source *paired.Process, addr string, answers, window, clients int) (lost int) {
	t.Helper()
	_, err := fmt.Sscanf(source.Ask(addr, answers, window, clients), "lost %d\n", &lost)
	require.NoError(t, err)
	return lost
}
