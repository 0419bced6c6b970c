package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/report"
	"github.com/weft-go/weft/bench/server"
)

// idleCommand measures connections that wait.
type idleCommand struct {
	Backends []string      `default:"${backends}" help:"Backends to measure (${default})."`
	Conns    int           `default:"15000" help:"Connections (${default}). They are opened in three steps, each is used once."`
	Duration time.Duration `default:"10s" help:"How long nothing happens (${default})."`
	Layout   pin.Layout    `default:"auto" help:"Where the two sides run: split, shared, none, or auto, which is split where that is possible."`
	Loops    *int          `help:"Event loops of the server. Default: its GOMAXPROCS."`
}

// idleSteps is how many points the slope of memory is taken over.
const idleSteps = 3

// idleMessage is what each connection sends once, in bytes: as in the
// comparison.
const idleMessage = 64

func (c *idleCommand) Run(ctx context.Context, t *terminal) error {
	loops, err := checkLoops(c.Loops)
	plan, planErr := choosePlan(c.Layout)
	for _, problem := range []error{
		err, planErr, checkBackends(c.Backends), checkConns(c.Conns), checkPositive("duration", c.Duration),
	} {
		if problem != nil {
			return problem
		}
	}
	if c.Conns < idleSteps {
		return refuse("--conns: %d connections cannot be opened in %d steps", c.Conns, idleSteps)
	}

	// As in compareCommand: this goroutine is the generator.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := pin.Process(plan.GeneratorCPUs); err != nil {
		return err
	}
	p := newProgress(t.err, len(c.Backends))
	defer p.end()
	var rows []report.IdleRow
	failed := false
	for _, name := range c.Backends {
		p.step(name, fmt.Sprintf("%d connections", c.Conns))
		row, err := c.measure(ctx, server.Options{Backend: name, Loops: loops, Plan: plan})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			row, failed = report.IdleRow{Failed: err.Error()}, true
		}
		row.Backend = name
		rows = append(rows, row)
	}
	p.end()
	fmt.Fprintf(t.out, "layout %v\n\n", plan)
	if err := report.WriteIdleTable(t.out, fmt.Sprintf("%d connections, idle for %v", c.Conns, c.Duration), rows); err != nil {
		return err
	}
	if failed {
		return errBackendFailed
	}
	return nil
}

// measure runs one server process and lets it idle.
func (c *idleCommand) measure(ctx context.Context, o server.Options) (report.IdleRow, error) {
	srv, err := server.Start(ctx, o)
	if err != nil {
		return report.IdleRow{}, err
	}
	defer srv.Close()
	g, err := load.Open(echoes(srv, c.Conns, idleMessage, 1, 0))
	if err != nil {
		return report.IdleRow{}, err
	}
	defer g.Close()
	row, err := c.fillAndWait(ctx, srv, g)
	if stopped := srv.Stop(); stopped != nil { // why: see takeSample
		return report.IdleRow{}, stopped
	}
	return row, err
}

func (c *idleCommand) fillAndWait(ctx context.Context, srv *server.Process, g *load.Engine) (report.IdleRow, error) {
	var row report.IdleRow
	first, err := firstConn(ctx, srv, g)
	if err != nil {
		return row, err
	}
	var conns, live []float64
	for step := range idleSteps {
		if _, err := g.Dial(ctx, c.Conns*(step+1)/idleSteps); err != nil {
			return row, err
		}
		if err := g.Touch(ctx); err != nil {
			return row, err
		}
		stats, err := srv.Stats(ctx)
		if err != nil {
			return row, err
		}
		conns, live = append(conns, float64(g.Conns())), append(live, float64(stats.LiveBytes))
		row.Threads = report.Figure(stats.Threads)
	}
	slope, err := report.Slope(conns, live)
	if err != nil {
		return row, err
	}
	full, err := serverMemory(ctx, srv)
	if err != nil {
		return row, err
	}
	row.LiveBytes, row.Memory = report.Figure(slope), (full-first)/report.Figure(c.Conns-1)

	before, err := srv.Usage(ctx)
	if err != nil {
		return row, err
	}
	idle := time.NewTimer(c.Duration)
	defer idle.Stop()
	select {
	case <-idle.C:
	case <-srv.Done(): // Stop says why
		return row, nil
	case <-ctx.Done():
		return row, ctx.Err()
	}
	after, err := srv.Usage(ctx)
	if err != nil {
		return row, err
	}
	used := after.Sub(before)
	row.CPUSeconds, row.Voluntary = report.Figure(used.CPU.Seconds()), report.Figure(used.Voluntary)
	return row, nil
}
