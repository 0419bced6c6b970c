package main

import (
	"context"
	"errors"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/report"
	"github.com/weft-go/weft/bench/server"
)

// memoryConns is the fewest connections that memory is divided by.
//
// Bound: memory is counted in pages and taken by the heap in larger steps
// still, so that a figure for a few connections would be about the heap.
const memoryConns = 100

// takeSample runs one server process and loads it.
func takeSample(ctx context.Context, r *report.Report, step report.Step) (report.Sample, error) {
	s := &r.Settings
	srv, err := server.Start(ctx, server.Options{Backend: step.Backend, Loops: s.Loops, Plan: r.Plan})
	if err != nil {
		return report.Sample{}, err
	}
	defer srv.Close()
	g, err := load.Open(echoes(srv, step.Conns, s.Size, s.Depth, s.Seed))
	if err != nil {
		return report.Sample{}, err
	}
	defer g.Close()
	sample, err := loadServer(ctx, s, step, srv, g)
	// A server that died is the reason for whatever the generator saw.
	//
	// Order: the server closes its connections first, so that the generator's
	// end of them needs no TIME_WAIT.
	if stopped := srv.Stop(); stopped != nil {
		return report.Sample{}, stopped
	}
	return sample, err
}

// echoes is a load of one group of echo connections.
func echoes(srv *server.Process, conns, size, depth int, seed uint64) load.Spec {
	return load.Spec{
		Server: srv.Addr.String(),
		Groups: []load.Group{{Name: "echo", Role: load.Echo, Conns: conns, Size: size, Depth: depth}},
		Seed:   seed,
	}
}

// loadServer takes the figures of one sample. Everything that is divided by
// the number of messages is read while no message is under way.
func loadServer(ctx context.Context, s *report.Settings, step report.Step, srv *server.Process, g *load.Engine) (report.Sample, error) {
	none := report.Sample{}
	first, err := firstConn(ctx, srv, g)
	if err != nil {
		return none, err
	}
	if _, err := g.Dial(ctx, step.Conns); err != nil {
		return none, err
	}
	if _, err := g.Run(ctx, s.Warmup); err != nil {
		return none, err
	}
	server0, err := srv.Usage(ctx)
	if err != nil {
		return none, err
	}
	outcome, err := g.Run(ctx, s.Duration)
	if err != nil {
		return none, err
	}
	if outcome.Void != "" {
		return none, errors.New(outcome.Void)
	}
	server1, err := srv.Usage(ctx)
	if err != nil {
		return none, err
	}
	full, err := serverMemory(ctx, srv)
	if err != nil {
		return none, err
	}

	result := outcome.Groups[0]
	latency, err := result.Latency.Decode()
	if err != nil {
		return none, err
	}
	quantile := func(percent float64) report.Figure { return micros(time.Duration(latency.ValueAtPercentile(percent))) }
	used, messages := server1.Sub(server0), float64(result.Received)
	f := report.Unmeasured()
	f[report.Rate] = report.Figure(messages / result.Elapsed.Seconds())
	f[report.P50] = quantile(50)
	f[report.P99] = quantile(99)
	f[report.P999] = quantile(99.9)
	f[report.CPU] = micros(used.CPU) / report.Figure(messages)
	f[report.Switches] = report.Figure(float64(used.Switches()) / messages)
	f[report.ServerBusy] = report.Figure(used.CPU.Seconds() / result.Elapsed.Seconds())
	f[report.GeneratorBusy] = report.Figure(outcome.CPU.Seconds() / result.Elapsed.Seconds())
	if step.Conns >= memoryConns {
		f[report.Memory] = (full - first) / report.Figure(step.Conns-1)
	}
	return report.Sample{
		Round: step.Round, Backend: step.Backend, Conns: step.Conns,
		Messages: result.Received, Seconds: result.Elapsed.Seconds(), Figures: f,
	}, nil
}

func micros(d time.Duration) report.Figure {
	return report.Figure(float64(d) / float64(time.Microsecond))
}

// firstConn opens and uses one connection, and returns the server's memory
// then. Growth is counted from here: what the first connection costs is mostly
// what the server needs once, like the buffer of a loop.
func firstConn(ctx context.Context, srv *server.Process, g *load.Engine) (report.Figure, error) {
	if _, err := g.Dial(ctx, 1); err != nil {
		return 0, err
	}
	if err := g.Touch(ctx); err != nil {
		return 0, err
	}
	// The first collection starts the collector's own threads and goroutines.
	if _, err := serverMemory(ctx, srv); err != nil {
		return 0, err
	}
	return serverMemory(ctx, srv)
}

// serverMemory is the server's own memory after a collection, in bytes.
func serverMemory(ctx context.Context, srv *server.Process) (report.Figure, error) {
	if _, err := srv.Stats(ctx); err != nil {
		return 0, err
	}
	bytes, err := measure.AnonymousBytes(srv.PID())
	if errors.Is(err, errors.ErrUnsupported) {
		return report.NotMeasured, nil
	}
	return report.Figure(bytes), err
}
