package backend

import (
	"context"
	"log/slog"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor/prefork"
)

// maxProcesses is how many processes the backend processes has at most.
//
// Bound: some 4 MB each.
const maxProcesses = 1024

// cutAfter is how long connections may go on that are open at the end.
const cutAfter = 100 * time.Millisecond

// servePrefork is weft's reactor in processes: as many workers as there are to be
// loops, with one loop each.
func servePrefork(ctx context.Context, c Config) error {
	s := preforkServer(c)
	s.Model, s.Workers = prefork.ModelPrefork, c.Loops
	if c.Loops > 1 {
		s.Spread = prefork.SpreadLeastConns
	}
	return s.Run(ctx)
}

// serveProcesses is the oldest model: a process per connection.
func serveProcesses(ctx context.Context, c Config) error {
	s := preforkServer(c)
	s.Model, s.MaxProcesses = prefork.ModelPerConn, maxProcesses
	return s.Run(ctx)
}

func preforkServer(c Config) prefork.Server {
	s := prefork.Server{Handler: reactorHandlers(c.Workload, false)}
	s.Reactor.Limits.ReadBuffer = loopBuffer
	s.Listen = []prefork.Address{{Network: "tcp", Address: c.Addr}}
	s.Socket = poller.ListenOptions{Backlog: backlog}
	s.DrainTimeout = cutAfter
	s.Logger = slog.New(slog.DiscardHandler)
	s.Started = func(control *prefork.Control) { c.Ready(control.Addrs()[0].String()) }
	return s
}
