package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/scenario"
)

// idleCommand measures connections that wait: the scenario idle with none active,
// once.
type idleCommand struct {
	Backends []string      `default:"${backends}" help:"Backends to measure (${default})."`
	Conns    int           `default:"15000" help:"Connections (${default}). They are opened in three steps, each is used once."`
	Duration time.Duration `default:"10s" help:"How long nothing happens (${default})."`
	Rounds   int           `default:"1" help:"How often every backend is measured (${default})."`
	JSON     string        `name:"json" placeholder:"FILE" help:"Write the results to this new file. Default: a file in the folder .bench."`
	Layout   pin.Layout    `default:"auto" help:"Where the two sides run: split, shared, none, or auto, which is split where that is possible."`
	Loops    *int          `help:"Event loops of the server. Default: its GOMAXPROCS."`
}

func (c *idleCommand) Run(ctx context.Context, t *terminal) error {
	if c.Conns > 0 && c.Conns < scenario.IdleSteps {
		return refuse("--conns: %d connections cannot be opened in %d steps", c.Conns, scenario.IdleSteps)
	}
	run := runCommand{
		Profile: scenario.Full, Scenario: []string{"idle"}, Backends: c.Backends,
		Conns: []int{c.Conns}, Active: []int{0}, Rounds: &c.Rounds, Duration: &c.Duration,
		JSON: c.JSON, Layout: c.Layout, Loops: c.Loops,
	}
	return run.Run(ctx, t)
}
