package coro

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/reactor"
)

// serverRun is a Server that runs, on goroutines of its own.
type serverRun struct {
	t      *testing.T
	log    *records
	addr   net.Addr
	cancel context.CancelCauseFunc
	ended  chan error
}

// runServer runs s, with ServeReadable or Serve.
func (e *env) runServer(s Server, readable bool, handler func(context.Context, net.Conn) error) *serverRun {
	e.t.Helper()
	run := e.startServer(s, readable, handler)
	require.NotNil(e.t, run.addr, "the server ended before it listened")
	return run
}

// startServer is runServer that may fail.
func (e *env) startServer(s Server, readable bool, handler func(context.Context, net.Conn) error) *serverRun {
	e.t.Helper()
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &serverRun{t: e.t, log: new(records), cancel: cancel, ended: make(chan error, 1)}
	listening := make(chan net.Addr, 1)
	s.Config.Reactor.Poller.Backend = e.backend
	s.Config.Logger = slog.New(r.log)
	if s.OnListen == nil {
		s.OnListen = func(addr net.Addr) { listening <- addr }
	}
	go func() {
		run := s.Run
		if readable {
			run = s.RunReadable
		}
		r.ended <- run(ctx, e.network, e.address(), handler)
	}()
	e.t.Cleanup(func() { cancel(nil) })
	select {
	case r.addr = <-listening:
	case err := <-r.ended:
		r.ended <- err
	case <-time.After(stuck):
		e.t.Fatal("the server neither listens nor ends")
	}
	return r
}

func (r *serverRun) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial(r.addr.Network(), r.addr.String())
	require.NoError(r.t, err)
	r.t.Cleanup(func() { c.Close() })
	require.NoError(r.t, c.SetDeadline(time.Now().Add(stuck)))
	return c
}

// stop cancels the server and returns its error.
func (r *serverRun) stop(cause error) error {
	r.t.Helper()
	r.cancel(cause)
	return wait(r.t, r.ended, "the server's end")
}

// onServers runs a test with Run and with RunReadable, on every backend.
func onServers(t *testing.T, test func(t *testing.T, e *env, readable bool)) {
	t.Helper()
	for _, readable := range []bool{false, true} {
		t.Run(fmt.Sprintf("readable %v", readable), func(t *testing.T) {
			onEveryBackend(t, func(t *testing.T, e *env) { test(t, e, readable) })
		})
	}
}

var spreads = []reactor.Spread{reactor.SpreadAuto, reactor.SpreadReusePort, reactor.SpreadRoundRobin, reactor.SpreadLeastConns}

// perLoop counts the connections that each loop has served.
type perLoop struct {
	mu    sync.Mutex
	conns map[*loop]map[*Conn]bool
}

func (p *perLoop) handler(ctx context.Context, c net.Conn) error {
	conn := c.(*Conn)
	p.mu.Lock()
	if p.conns == nil {
		p.conns = map[*loop]map[*Conn]bool{}
	}
	if p.conns[conn.loop] == nil {
		p.conns[conn.loop] = map[*Conn]bool{}
	}
	p.conns[conn.loop][conn] = true
	p.mu.Unlock()
	return answering(ctx, c)
}

func (p *perLoop) counts() (counts []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conns := range p.conns {
		counts = append(counts, len(conns))
	}
	return counts
}

func (p *perLoop) on(l *loop) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.conns[l])
}

func TestServerServesOnSeveralLoops(t *testing.T) {
	for _, spread := range spreads {
		t.Run(spread.String(), func(t *testing.T) {
			onServers(t, func(t *testing.T, e *env, readable bool) {
				if spread == reactor.SpreadReusePort && e.network == "unix" {
					t.Skip("Unix sockets have no SO_REUSEPORT")
				}
				var p perLoop
				r := e.runServer(Server{Loops: 3, Spread: spread}, readable, p.handler)
				var clients []net.Conn
				for range 12 {
					clients = append(clients, r.dial())
				}
				for range 3 {
					for _, c := range clients {
						ask(t, c, "hello")
					}
				}
				total := 0
				for _, n := range p.counts() {
					total += n
				}
				require.Equal(t, 12, total, "connections served")
				if spread == reactor.SpreadRoundRobin || spread == reactor.SpreadLeastConns {
					require.Equal(t, []int{4, 4, 4}, p.counts(), "connections on each loop")
				}
				require.Equal(t, errTest, r.stop(errTest), "Run, want the cause")
				for _, c := range clients {
					requireEnd(t, c)
				}
				require.Empty(t, r.log.lines())
			})
		})
	}
}

func TestServerGivesConnectionsToTheLoopWithTheFewest(t *testing.T) {
	onServers(t, func(t *testing.T, e *env, readable bool) {
		var p perLoop
		ended := make(chan *server, 8)
		r := e.runServer(Server{Loops: 2, Spread: reactor.SpreadLeastConns}, readable, func(ctx context.Context, c net.Conn) error {
			err := p.handler(ctx, c)
			if err != nil {
				ended <- c.(*Conn).extra.server
			}
			return err
		})
		var clients []net.Conn
		for range 4 { // two for each loop
			clients = append(clients, r.dial())
			ask(t, clients[len(clients)-1], "x")
		}
		require.NoError(t, clients[0].Close())
		s := wait(t, ended, "the end of a handler")
		require.NoError(t, s.loop.do(func() error { return nil })) // after it, the connection's
		require.EqualValues(t, 1, s.load.Load())
		before := p.on(s.loop)
		ask(t, r.dial(), "x")
		require.Equal(t, before+1, p.on(s.loop), "connections of the loop with one less")
		require.ErrorIs(t, r.stop(nil), context.Canceled)
	})
}

func TestServerWithOneLoopNeedsNoCount(t *testing.T) {
	onTCP(t, func(t *testing.T, e *env) {
		r := e.runServer(Server{Loops: 1}, false, func(ctx context.Context, c net.Conn) error {
			if c.(*Conn).extra != nil {
				return errTest
			}
			return answering(ctx, c)
		})
		c := r.dial()
		ask(t, c, "x")
		require.ErrorIs(t, r.stop(nil), context.Canceled)
		require.Empty(t, r.log.lines())
	})
}

func TestServerMaxConnsIsThatOfAllLoopsTogether(t *testing.T) {
	for _, policy := range []reactor.LimitPolicy{reactor.PauseAccept, reactor.AcceptAndClose} {
		t.Run(fmt.Sprint(policy), func(t *testing.T) {
			onServers(t, func(t *testing.T, e *env, readable bool) {
				limits := ServeConfig{MaxConns: 4, OverLimit: policy}
				r := e.runServer(Server{Loops: 3, Limits: limits}, readable, func(ctx context.Context, c net.Conn) error {
					if n := c.(*Conn).extra.server.conns; n.open.Load() > 4 {
						return errTest
					}
					return answering(ctx, c)
				})
				var clients []net.Conn
				for range 4 {
					clients = append(clients, r.dial())
					ask(t, clients[len(clients)-1], "x")
				}
				if policy == reactor.AcceptAndClose {
					if fifth, err := net.Dial(r.addr.Network(), r.addr.String()); err == nil { // the reset may come that early
						requireEnd(t, fifth)
						require.NoError(t, fifth.Close())
					}
				} else {
					fifth := r.dial()
					for range 20 { // one at a time: each goes when there is room
						require.NoError(t, clients[0].Close())
						ask(t, fifth, "y")
						clients = append(clients[1:], fifth)
						fifth = r.dial()
					}
				}
				require.ErrorIs(t, r.stop(nil), context.Canceled)
				require.Empty(t, r.log.find("WARN"))
			})
		})
	}
}

func TestServerDrainsEveryLoop(t *testing.T) {
	onServers(t, func(t *testing.T, e *env, readable bool) {
		started, goOn := make(chan struct{}, 9), make(chan struct{})
		limits := ServeConfig{DrainTimeout: long}
		r := e.runServer(Server{Loops: 3, Limits: limits, Spread: reactor.SpreadRoundRobin}, readable, func(ctx context.Context, c net.Conn) error {
			buf := make([]byte, 4)
			if _, err := c.Read(buf); err != nil {
				return err
			}
			started <- struct{}{}
			for waiting := true; waiting; {
				select {
				case <-goOn:
					waiting = false
				default:
					if err := Sleep(ctx, time.Millisecond); err != nil {
						return err
					}
				}
			}
			_, err := c.Write(buf)
			return err
		})
		idle := []net.Conn{r.dial(), r.dial(), r.dial()}
		asking := []net.Conn{r.dial(), r.dial(), r.dial()}
		for _, c := range asking {
			_, err := c.Write([]byte("wait"))
			require.NoError(t, err)
			wait(t, started, "a handler")
		}
		r.cancel(errTest)
		for _, c := range idle { // one on each loop, the listener's included
			requireEnd(t, c)
		}
		_, err := net.Dial(r.addr.Network(), r.addr.String())
		require.Error(t, err, "dial to a server that drains")
		close(goOn)
		for _, c := range asking {
			require.Equal(t, "wait", string(readAll(t, c)))
		}
		require.Equal(t, errTest, r.stop(nil))
	})
}
