//go:build linux

package prefork

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// load is clients that talk to the program without a pause, and count.
type load struct {
	requests, conns         atomic.Int64
	failed, refused, broken atomic.Int64
	processes               sync.Map // that have answered
	first                   atomic.Value
	stop                    atomic.Bool
	all                     sync.WaitGroup
}

// startLoad connects clients: half of them keep their connection, the others make
// a new one for every request.
func startLoad(r *running, clients int) *load {
	l := &load{}
	for i := range clients {
		if i%2 == 0 {
			l.all.Go(func() { l.keep(r.addr, fmt.Sprint("hello ", i)) })
		} else {
			l.all.Go(func() { l.renew(r.addr, fmt.Sprint("hello ", i)) })
		}
	}
	return l
}

// keep is a client with one connection, whose requests are counted by the server.
func (l *load) keep(addr, line string) {
	c := l.connect(addr)
	if c == nil {
		return
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for n := 1; !l.stop.Load(); n++ {
		a, err := say(c, in, line)
		if err == nil && a.N != n {
			err = fmt.Errorf("request %d is the server's %d", n, a.N)
		}
		if !l.count(a, err) {
			return
		}
	}
}

// renew is a client with a connection for each request.
func (l *load) renew(addr, line string) {
	for !l.stop.Load() {
		c := l.connect(addr)
		if c == nil {
			return
		}
		a, err := say(c, bufio.NewReader(c), line)
		c.Close()
		if !l.count(a, err) {
			return
		}
	}
}

func (l *load) connect(addr string) net.Conn {
	c, err := dial(addr)
	switch {
	case err == nil:
		l.conns.Add(1)
		return c
	case errors.Is(err, syscall.ECONNREFUSED):
		l.refused.Add(1)
	default:
		l.broken.Add(1)
	}
	l.first.CompareAndSwap(nil, err.Error())
	return nil
}

func (l *load) count(a answer, err error) bool {
	if err != nil {
		l.failed.Add(1)
		l.first.CompareAndSwap(nil, err.Error())
		return false
	}
	l.requests.Add(1)
	l.processes.Store(a.PID, a)
	return true
}

// end stops the clients and wants no failure.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop.Store(true)
	l.all.Wait()
	processes := 0
	l.processes.Range(func(any, any) bool { processes++; return true })
	t.Logf("%d requests on %d connections, answered by %d processes", l.requests.Load(), l.conns.Load(), processes)
	require.Zero(t, l.refused.Load(), "connections refused: %v", l.first.Load())
	require.Zero(t, l.broken.Load(), "connections that failed: %v", l.first.Load())
	require.Zero(t, l.failed.Load(), "requests that failed: %v", l.first.Load())
}

// more waits for n more requests, so that something happens under load.
func (l *load) more(r *running, n int64) {
	for want := l.requests.Load() + n; l.requests.Load() < want; {
		select {
		case <-r.gone:
			require.Fail(r.t, "the program has ended under load")
		default:
		}
		if l.failed.Load()+l.refused.Load()+l.broken.Load() > 0 {
			return // end will tell
		}
		pause()
	}
}
