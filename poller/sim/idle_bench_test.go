package sim_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

// connectionsOfAHost is how many clients one simulated host has.
//
// Bound: below the number of its ephemeral ports.
const connectionsOfAHost = 20_000

// How much memory is an idle connection? An iteration is one; a million of them:
//
//	go test ./poller/sim -run - -bench IdleConnection -benchtime 1000000x
//
// Both ends are in it. The clients' have no loop, so what a server has more than
// the system alone are weft's own bytes.
func BenchmarkIdleConnection(b *testing.B) {
	for _, c := range []struct {
		name  string
		serve func(poller.OS) error
	}{
		{"the system alone", acceptAll},
		{"ServeReadable", tasks(stacklessEcho)},
		{"callbacks", reactorEcho},
		{"a task each", tasks(echo)},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b, sim.Config{Trace: 1})
			server := w.Host("server")
			server.Daemon("serve", c.serve)
			if err := w.RunFor(time.Millisecond); err != nil { // until it listens
				b.Fatal(err)
			}
			before := memory()
			b.ResetTimer()
			for left, host := b.N, 0; left > 0; left, host = left-connectionsOfAHost, host+1 {
				n := min(left, connectionsOfAHost)
				w.Host(fmt.Sprint("client", host)).Go("connect", func(os poller.OS) error { return connect(os, server, n) })
			}
			if err := w.RunFor(time.Minute); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			b.ReportMetric(float64(memory()-before)/float64(b.N), "B/conn")
		})
	}
}

// memory is what is live: the heap, and stacks.
func memory() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// connect opens connections, some at a time, and leaves them open.
func connect(os poller.OS, server *sim.Host, n int) error {
	to := poller.Addr{AddrPort: netip.AddrPortFrom(server.Addr(), 7)}
	events := make([]poller.Event, 1)
	for i := range n {
		if _, err := os.Connect(to, poller.SocketOptions{}); err != nil {
			return err
		}
		if i%100 == 99 {
			if _, err := os.Wait(events, time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// acceptAll is a server without a loop.
func acceptAll(os poller.OS) error {
	ln, err := os.Listen(poller.Addr{AddrPort: netip.MustParseAddrPort("[::]:7"), DualStack: true}, poller.ListenOptions{})
	if err != nil {
		return err
	}
	if err = os.Add(ln, poller.NewToken(0, 0)); err != nil {
		return err
	}
	for {
		for err = nil; err == nil; {
			_, _, err = os.Accept(ln)
		}
		if _, err = os.Wait(make([]poller.Event, 1), -1); err != nil {
			return err
		}
	}
}
