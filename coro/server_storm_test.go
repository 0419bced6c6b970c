package coro

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/reactor"
)

// ledger keeps what servers count, to be looked at when they have ended.
type ledger struct {
	mu      sync.Mutex
	servers map[*server]bool
}

func (l *ledger) handler(ctx context.Context, c net.Conn) error {
	l.mu.Lock()
	l.servers[c.(*Conn).extra.server] = true
	l.mu.Unlock()
	buf := make([]byte, 4)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
		switch buf[0] {
		case 'p':
			panic("oh")
		case 'e':
			return errTest
		case 'c':
			return c.Close()
		case 's':
			if err := Sleep(ctx, time.Millisecond); err != nil {
				return err
			}
		case 'n':
			_ = WithScope(ctx, func(s *Scope) error {
				return s.Go(func(ctx context.Context) error { return Sleep(ctx, time.Millisecond) })
			})
		}
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if c.(*Conn).extra.readable != nil {
			return nil
		}
	}
}

// misbehave is a client for as long as the server lets it.
func misbehave(network, address string, random *rand.Rand) {
	conn, err := net.Dial(network, address)
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(stuck))
	for range random.IntN(6) {
		request := []byte{"xxxxpecsn"[random.IntN(9)], 1, 2, 3}
		whole := random.IntN(4) > 0
		if !whole {
			request = request[:random.IntN(4)]
		}
		if _, err := conn.Write(request); err != nil {
			return
		}
		if whole && random.IntN(4) > 0 {
			if _, err := io.ReadFull(conn, request); err != nil {
				return
			}
		}
	}
	switch tcp, _ := conn.(*net.TCPConn); {
	case tcp != nil && random.IntN(3) == 0:
		_ = tcp.SetLinger(0)
	case tcp != nil && random.IntN(2) == 0:
		_ = tcp.CloseWrite()
		_, _ = io.Copy(io.Discard, tcp)
	}
}

// Whatever clients do, and whenever the server is told to end, every connection
// is counted once, ends once, and leaves nothing behind; TestMain counts the
// descriptors.
func TestServerCountsAddUpInAStorm(t *testing.T) {
	for _, limits := range []ServeConfig{
		{MaxConns: 5},
		{MaxConns: 5, OverLimit: reactor.AcceptAndClose, DrainTimeout: 5 * time.Millisecond},
		{IdleTimeout: 3 * time.Millisecond, RequestTimeout: 2 * time.Millisecond, DrainTimeout: 5 * time.Millisecond},
	} {
		for _, spread := range []reactor.Spread{reactor.SpreadAuto, reactor.SpreadLeastConns} {
			onServers(t, func(t *testing.T, e *env, readable bool) {
				l := &ledger{servers: map[*server]bool{}}
				r := e.runServer(Server{Loops: 3, Limits: limits, Spread: spread}, readable, l.handler)
				var clients sync.WaitGroup
				var done atomic.Int64
				half := make(chan struct{})
				for i := range 8 {
					random := rand.New(rand.NewPCG(1, uint64(i)))
					clients.Go(func() {
						for range 15 {
							misbehave(r.addr.Network(), r.addr.String(), random)
							if done.Add(1) == 60 {
								close(half)
							}
						}
					})
				}
				wait(t, half, "the first half of the clients")
				require.Equal(t, errTest, r.stop(errTest), "Run, want the cause")
				clients.Wait()
				for s := range l.servers {
					require.Zero(t, s.open, "open connections")
					require.Zero(t, s.load.Load(), "connections of a loop, those on their way included")
					require.Nil(t, s.idle.first)
					require.False(t, s.idleTimer.IsSet())
					if s.conns != nil {
						require.Zero(t, s.conns.open.Load(), "connections of all loops")
					}
				}
			})
		}
	}
}
