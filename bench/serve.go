package main

import (
	"context"
	"io"
	"net"
	"runtime"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/server"
)

// serveCommand runs one backend.
type serveCommand struct {
	Backend  string           `required:"" help:"The backend to run: ${every}."`
	Addr     string           `required:"" placeholder:"HOST:PORT" help:"The address to listen on; port 0 chooses a free one."`
	Loops    *int             `help:"Event loops, or GOMAXPROCS of backends without loops. Default: GOMAXPROCS."`
	Workload backend.Workload `hidden:"" default:"echo" help:"What it does with what it reads: echo, room, slow, http."`
	Control  bool             `hidden:"" help:"Answer commands on the standard input, and end with it."`
}

func (c *serveCommand) Run(ctx context.Context, t *terminal) error {
	b, err := backend.Find(c.Backend)
	if err != nil {
		return refuse("--backend: %w", err)
	}
	if !b.Offers(c.Workload) {
		return refuse("--workload: %s does not run %s", b.Name, c.Workload)
	}
	loops, err := checkLoops(c.Loops)
	if err != nil {
		return err
	}
	if loops == 0 {
		loops = runtime.GOMAXPROCS(0)
	} else {
		runtime.GOMAXPROCS(loops)
	}
	addr, err := net.ResolveTCPAddr("tcp", c.Addr)
	if err != nil {
		return refuse("--addr: %w", err)
	}
	if _, err := load.RaiseDescriptors(); err != nil {
		return err
	}
	var control io.Reader
	if c.Control {
		control = t.in
	}
	return server.Serve(ctx, b, backend.Config{Addr: addr.String(), Loops: loops, Workload: c.Workload}, control, t.out)
}
