package reactor

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// openDescriptors counts this process's descriptors; 0 where there is no way to.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}

func TestStormOfResetsLeavesNothingBehind(t *testing.T) {
	storm := 10_000
	if raceEnabled || testing.Short() {
		storm = 2000
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		var opened, closed atomic.Int64
		s := e.serve(ListenOptions{}, always(&calls{
			open: func(c *Conn) {
				if opened.Add(1)%2 == 0 { // half of the peers go with data unread
					_, _ = c.Write(make([]byte, 1000))
				}
			},
			data:   echoing{}.OnData,
			closed: func(*Conn, error) { closed.Add(1) },
		}))
		s.until("the first turn", func() bool { return true })
		base := openDescriptors()
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for i := range storm / 4 {
					c, err := net.Dial(e.network, s.listener.Addr().String())
					if err != nil {
						continue // a Unix listener's queue is full
					}
					if tcp, ok := c.(*net.TCPConn); ok {
						_ = tcp.SetLinger(0)
					}
					if i%3 == 0 {
						_, _ = io.WriteString(c, "hello")
					}
					c.Close()
				}
			})
		}
		all.Wait()
		// A last one tells that all before it were accepted.
		c := e.dial(s.listener)
		_, _ = io.WriteString(c, "x")
		_, _ = io.ReadFull(c, make([]byte, 1))
		require.NoError(t, c.Close())
		s.until("the end of all connections", func() bool { return s.Stats().Conns == 0 })
		require.Equal(t, opened.Load(), closed.Load(), "connections opened against OnClose called")
		require.Equal(t, base, openDescriptors(), "descriptors after the storm")
		var events uint64
		s.do(func() { events = s.Stats().Events })
		for range 20 {
			s.do(func() {})
		}
		s.do(func() { require.Equal(t, events, s.Stats().Events, "events of connections that are gone") })
	})
}

// One handler closes all the others, whose events are in the same batch.
func TestEventOfAConnectionClosedInTheSameBatchIsDropped(t *testing.T) {
	n := 2500
	if raceEnabled || testing.Short() {
		n = 500
	}
	onEveryBackend(t, func(t *testing.T, e *env) {
		var conns []*Conn
		served, closed := 0, 0
		o := Options{Limits: Limits{EventsPerWait: 8192}}
		o.Poller.EventsPerWait = 8192
		l, _ := e.loop(o)
		ln, err := l.Listen(e.network, e.address(), ListenOptions{}, always(&calls{
			open: func(c *Conn) { conns = append(conns, c) },
			data: func(me *Conn, b []byte) int {
				served++
				for _, c := range conns {
					if c != me {
						require.NoError(t, c.Abort())
					}
				}
				return len(b)
			},
			closed: func(_ *Conn, err error) {
				if err == ErrAborted {
					closed++
				}
			},
		}))
		require.NoError(t, err)
		var peers []net.Conn
		for range n {
			c, err := net.Dial(e.network, ln.Addr().String())
			for errors.Is(err, syscall.EAGAIN) { // the queue is full
				turn(t, l)
				c, err = net.Dial(e.network, ln.Addr().String())
			}
			require.NoError(t, err)
			defer c.Close()
			peers = append(peers, c)
		}
		for len(conns) < n {
			require.NoError(t, l.Turn(stuck))
		}
		turn(t, l)
		for _, c := range peers {
			_, err := io.WriteString(c, "x")
			require.NoError(t, err)
		}
		stale := l.Stats().StaleEvents
		for served == 0 {
			require.NoError(t, l.Turn(stuck))
		}
		for range 3 {
			turn(t, l)
		}
		require.Equal(t, 1, served, "handlers called after one of them closed all the others")
		require.Equal(t, n-1, closed, "connections closed")
		require.EqualValues(t, n-1, l.Stats().StaleEvents-stale, "events dropped")
		require.Equal(t, 1, l.Stats().Conns)
	})
}
