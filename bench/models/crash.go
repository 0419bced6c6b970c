package models

import (
	"context"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/server"
)

// servers are the backends that show what a crash takes down, by model.
var servers = []struct{ model, backend string }{
	{Process, "processes"}, {Prefork, "prefork"}, {Thread, "threads"},
	{Goroutine, "net"}, {Task, "coro"}, {Callback, "reactor"},
}

const (
	// crashConns is how many connections there are; one of them goes wrong.
	//
	// Bound: each is a process in one of the servers.
	crashConns = 20
	// runaway is how long a handler computes that runs away.
	runaway = time.Second
	// answerAtOnce bounds what counts as an answer at once.
	//
	// Bound: far below runaway, and far above what a busy machine takes.
	answerAtOnce = runaway / 3
	// underWay is how long a message to a handler that is to run away has, before
	// the others send theirs: no answer tells that it has begun.
	underWay = 30 * time.Millisecond
	// crashLimit bounds every wait for an answer, or for the end.
	//
	// Bound: a process for each connection is started meanwhile, perhaps on a machine
	// that has much else to do.
	crashLimit = 30 * time.Second
)

// Others are what became of the connections beside the one that went wrong.
type Others struct{ AtOnce, Late, Lost int }

// Crash starts a server, opens connections, lets the handler of one go wrong, and
// asks all others for an answer. Errors: ctx.Err(), and those of a server that
// did not serve before.
func Crash(ctx context.Context, name string, f Fault) (Others, error) {
	plan, err := pin.Choose(pin.None)
	if err != nil {
		return Others{}, err
	}
	// Several loops, or several processes, as one would have them.
	srv, err := server.Start(ctx, server.Options{Backend: name, Loops: max(2, runtime.NumCPU()), Workload: backend.Slow, Plan: plan})
	if err != nil {
		return Others{}, err
	}
	defer srv.Close()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range crashConns {
		c, err := net.DialTimeout("tcp", srv.Addr.String(), crashLimit)
		if err != nil {
			return Others{}, err
		}
		conns = append(conns, c)
		if _, err := ask(c, 0, crashLimit); err != nil {
			return Others{}, err
		}
	}
	goWrong(conns[0], f)
	if ctx.Err() != nil {
		return Others{}, ctx.Err()
	}
	return askOthers(conns[1:]), nil
}

// goWrong returns when the handler has gone wrong.
func goWrong(c net.Conn, f Fault) {
	if backend.Fault(f) == backend.FaultRunaway {
		_, _ = c.Write(message(f, byte(runaway/backend.RunawayUnit)))
		time.Sleep(underWay)
		return
	}
	_, _ = ask(c, f, crashLimit) // the error is the end of the connection
}

func message(f Fault, argument byte) []byte {
	m := make([]byte, backend.SlowSize)
	m[0], m[1] = byte(f), argument
	return m
}

// ask sends a message and waits for the answer.
func ask(c net.Conn, f Fault, limit time.Duration) (took time.Duration, err error) {
	began := time.Now()
	if err := c.SetDeadline(began.Add(limit)); err != nil {
		return 0, err
	}
	if _, err := c.Write(message(f, 0)); err != nil {
		return 0, err
	}
	_, err = io.ReadFull(c, make([]byte, backend.SlowSize))
	return time.Since(began), err
}

// askOthers asks all at the same time.
func askOthers(conns []net.Conn) (o Others) {
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, c := range conns {
		all.Go(func() {
			took, err := ask(c, 0, crashLimit)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				o.Lost++
			case took > answerAtOnce:
				o.Late++
			default:
				o.AtOnce++
			}
		})
	}
	all.Wait()
	return o
}

// figures are shares of the others.
func (o Others) figures(f Fault) []Figure {
	all := float64(o.AtOnce + o.Late + o.Lost)
	return []Figure{
		{f.Quantity(OthersLost), 0, float64(o.Lost) / all, unitOne},
		{f.Quantity(OthersLate), 0, float64(o.Late) / all, unitOne},
	}
}
