package sim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// The layers above meet a kernel that takes every freedom, a network that loses
// a part, and a bit of everything else. WEFT_SOAK says how many seeds; a few are
// run always.
func TestSoak(t *testing.T) {
	seeds, _ := strconv.Atoi(os.Getenv("WEFT_SOAK"))
	for seed := range uint64(max(seeds, 5)) {
		for name, server := range map[string]func(poller.OS) error{
			"coro": tasks(soakEcho), "coro without stacks": tasks(stacklessEcho), "reactor": reactorEcho,
		} {
			err := soak(t, sim.Config{Seed: seed, Dials: anyFreedoms(seed), Limit: 12 * time.Hour,
				Link: sim.Conditions{Latency: time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05}}, server)
			if err != nil {
				t.Errorf("%s, seed %d: %v", name, seed, err)
			}
		}
	}
}

// anyFreedoms are the contract's freedoms, each never, rarely, or nearly always.
func anyFreedoms(seed uint64) (d sim.Dials) {
	choice := rand.New(rand.NewPCG(seed, 0))
	for _, p := range []*float64{&d.ShortRead, &d.ShortWrite, &d.Spurious, &d.LateEvent, &d.Coalesce, &d.NoHint} {
		*p = []float64{0, 0.1, 0.9}[choice.IntN(3)]
	}
	d.Interrupt = []float64{0, 0.1, 0.5}[choice.IntN(3)]
	return d
}

// soak is six clients that each send and check some 100 KB, in both directions
// at once, over TCP.
func soak(t *testing.T, c sim.Config, server func(poller.OS) error) error {
	w := newWorld(t, c)
	defer w.Close()
	w.Host("server").Daemon("echo", server)
	if err := w.RunFor(10 * time.Millisecond); err != nil {
		return err
	}
	for i := range 6 {
		size := 1 + w.Rand().IntN(200_000)
		w.Host(fmt.Sprint("client", i)).Go("talk", tasks(func(ctx context.Context) error {
			conn, err := coro.Dial(ctx, "tcp", "10.0.0.1:7")
			if err != nil {
				return err
			}
			defer conn.Close()
			return coro.WithScope(ctx, func(s *coro.Scope) error {
				if err := s.Go(func(context.Context) error {
					if _, err := conn.Write(numbered(size)); err != nil {
						return err
					}
					return conn.CloseWrite()
				}); err != nil {
					return err
				}
				got, err := readInSlices(ctx, w, conn)
				if err == nil && string(got) != string(numbered(size)) {
					err = fmt.Errorf("%d bytes sent, %d came back, or others", size, len(got))
				}
				return err
			})
		}))
	}
	return w.Run()
}

// readInSlices is io.ReadAll by one who gives up all the time, and tries again: a
// Read that was cancelled, or whose deadline passed, has taken nothing.
func readInSlices(ctx context.Context, w *sim.World, c *coro.Conn) (got []byte, err error) {
	buf := make([]byte, 3000)
	for {
		patience := time.Duration(w.Rand().IntN(20_000)) * time.Microsecond
		var n int
		if w.Rand().IntN(2) == 0 {
			err = coro.Timeout(ctx, patience, func(context.Context) (err error) {
				n, err = c.Read(buf)
				return err
			})
		} else {
			if err = c.SetReadDeadline(w.Now().Add(patience)); err != nil {
				return got, err
			}
			n, err = c.Read(buf)
		}
		got = append(got, buf[:n]...)
		if err == io.EOF {
			return got, nil
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, context.DeadlineExceeded) {
			return got, err
		}
		if err = c.SetReadDeadline(time.Time{}); err != nil {
			return got, err
		}
	}
}

func numbered(n int) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return p
}

func soakEcho(ctx context.Context) error {
	ln, err := coro.Listen(ctx, "tcp", ":7")
	if err != nil {
		return err
	}
	return coro.Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
		_, err := io.Copy(c, c)
		return err
	})
}

// stacklessEcho is an echo whose connections have no stack while they wait.
func stacklessEcho(ctx context.Context) error {
	ln, err := coro.Listen(ctx, "tcp", ":7")
	if err != nil {
		return err
	}
	return coro.ServeReadable(ctx, ln, func(_ context.Context, c net.Conn) error {
		buf := make([]byte, 5000)
		n, err := c.Read(buf)
		if err == nil {
			_, err = c.Write(buf[:n])
		}
		return err
	})
}

// echoHandler answers with what it is sent, as fast as the peer reads.
type echoHandler struct{ reactor.NopHandler }

func (echoHandler) OnData(c *reactor.Conn, p []byte) int {
	_, _ = c.Write(p)
	return len(p)
}

func reactorEcho(os poller.OS) error {
	l, err := reactor.NewLoop(reactor.Options{OS: os, PoisonBuffers: true})
	if err != nil {
		return err
	}
	if _, err = l.Listen("tcp", ":7", reactor.ListenOptions{}, func(*reactor.Conn) reactor.Handler { return echoHandler{} }); err != nil {
		return err
	}
	return l.Run(context.Background())
}
