package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/weft-go/weft/poller"
)

// Config says what to send, and where to. All fields are needed but Seed.
type Config struct {
	Server poller.Addr
	// Depth is the number of messages per batch, Size their bytes. Their
	// product is at most MaxBatch.
	Depth, Size int
	// Seed chooses the payload.
	Seed uint64
}

const (
	// stallLimit is how long no connection may make progress before a run
	// fails with ErrStalled.
	//
	// Bound: five times the longest retransmission that a loaded loopback
	// shows (TCP's first timeouts are 0.2 to 1.6 s).
	stallLimit = 8 * time.Second
	// readBuffer is the bytes of one read, shared by all connections.
	readBuffer = 64 << 10
	// eventsPerWait: as the servers', so that neither side batches more.
	eventsPerWait = 256
)

// Latencies are kept from 100 ns to longestLatency with 3 significant digits:
// no error is larger than what the clock reads cost.
const (
	shortestLatency = 100 * time.Nanosecond
	longestLatency  = 60 * time.Second
	latencyDigits   = 3
)

// Generator is the client side of all connections to one server.
type Generator struct {
	os      poller.OS
	server  poller.Addr
	depth   int
	payload payload
	conns   []conn
	touched int // connections that have been used, from the front

	events [eventsPerWait]poller.Event
	in     [readBuffer]byte

	// The run that is under way.
	busy     int           // connections with a batch under way
	deadline time.Duration // on the poller's clock: from here on no batch is sent
	batches  uint64
	latency  *hdrhistogram.Histogram
}

// Result is what one run measured.
type Result struct {
	// Messages is how many messages were sent and came back.
	Messages uint64
	// Elapsed is the time from the first write to the last read.
	Elapsed time.Duration
	// P50, P99, P999 and Max are of the latency of batches.
	P50, P99, P999, Max time.Duration
}

// Open prepares a generator without connections. It has to be closed. Errors:
// those of poller.Open, and a batch that is empty or over MaxBatch.
func Open(c Config) (*Generator, error) {
	if c.Depth < 1 || c.Size < 1 || c.Depth > MaxBatch/c.Size {
		return nil, fmt.Errorf("load: a batch of %d messages of %d bytes: want 1 to %d bytes", c.Depth, c.Size, MaxBatch)
	}
	os, err := poller.Open(poller.Config{EventsPerWait: eventsPerWait})
	if err != nil {
		return nil, err
	}
	return &Generator{
		os:      os,
		server:  c.Server,
		depth:   c.Depth,
		payload: newPayload(c.Depth*c.Size, c.Seed),
		latency: hdrhistogram.New(int64(shortestLatency), int64(longestLatency), latencyDigits),
	}, nil
}

// Close resets all connections, so that none of them occupies its port for the
// minute of TIME_WAIT.
func (g *Generator) Close() error {
	var failures []error
	for i := range g.conns {
		failures = append(failures, g.os.Abort(g.conns[i].fd))
	}
	g.conns = nil
	return errors.Join(append(failures, g.os.Close())...)
}

// Conns is the number of open connections.
func (g *Generator) Conns() int { return len(g.conns) }

// Touch sends one batch on every connection that was not used yet. Errors are
// those of Run.
func (g *Generator) Touch(ctx context.Context) error {
	_, err := g.run(ctx, g.touched, 1, math.MaxInt64)
	return err
}

// Exchange sends that many batches on every connection, one after the other.
// Errors are those of Run.
func (g *Generator) Exchange(ctx context.Context, batches int) (Result, error) {
	return g.run(ctx, 0, batches, math.MaxInt64)
}

// Run sends batches on all connections until d has passed, and returns when
// the last of them is back. Errors: ErrWrongByte, ErrSurplus, ErrClosed,
// ErrStalled, ctx.Err(), or a failed system call. After an error the generator
// can only be closed.
func (g *Generator) Run(ctx context.Context, d time.Duration) (Result, error) {
	return g.run(ctx, 0, math.MaxInt, d)
}

// run is all of the above. Each connection from first on sends up to batches
// batches, none of them later than d from now.
func (g *Generator) run(ctx context.Context, first, batches int, d time.Duration) (Result, error) {
	defer context.AfterFunc(ctx, func() { _ = g.os.Wake() })()
	g.latency.Reset()
	g.batches, g.busy = 0, 0
	start := g.os.Now()
	g.deadline = start + min(d, math.MaxInt64-start)

	for i := first; i < len(g.conns); i++ {
		g.conns[i].left = batches
		if err := g.send(i, g.os.Now()); err != nil {
			return Result{}, err
		}
	}
	for g.busy > 0 {
		n, err := g.wait(ctx)
		if err != nil {
			return Result{}, err
		}
		for _, e := range g.events[:n] {
			if err := g.handle(int(e.Token.Slot()), e.Ready); err != nil {
				return Result{}, err
			}
		}
	}
	g.touched = len(g.conns)
	quantile := func(percent float64) time.Duration { return time.Duration(g.latency.ValueAtPercentile(percent)) }
	return Result{
		Messages: g.batches * uint64(g.depth),
		Elapsed:  g.os.Now() - start,
		P50:      quantile(50),
		P99:      quantile(99),
		P999:     quantile(99.9),
		Max:      time.Duration(g.latency.Max()),
	}, nil
}

// wait returns the next events: at least one, or an error.
func (g *Generator) wait(ctx context.Context) (int, error) {
	limit := g.os.Now() + stallLimit
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		left := limit - g.os.Now()
		if left <= 0 {
			return 0, fmt.Errorf("%w for %v on any of %d connections", ErrStalled, stallLimit, len(g.conns))
		}
		if n, err := g.os.Wait(g.events[:], left); n > 0 || err != nil {
			return n, err
		}
	}
}

// handle serves one event of a connection that is not dialing.
func (g *Generator) handle(i int, ready poller.Readiness) error {
	if ready&poller.Writable != 0 && g.conns[i].state == busy {
		if err := g.push(i); err != nil {
			return err
		}
	}
	if ready&poller.Readable != 0 {
		return g.receive(i, ready)
	}
	return nil
}

// finish books a batch that is back, and sends the next one.
func (g *Generator) finish(i int) error {
	c, now := &g.conns[i], g.os.Now()
	latency := min(now-c.sentAt, longestLatency)
	if err := g.latency.RecordValue(int64(latency)); err != nil {
		return err
	}
	c.state = idle
	g.batches++
	g.busy--
	c.left--
	if c.left == 0 || now >= g.deadline {
		return nil
	}
	return g.send(i, now)
}
