// Prefork is a server of several processes that a person can start, reload,
// upgrade and kill while clients stay connected: see README.md for the commands.
//
// It answers each line with the line's number on this connection, and with the
// process that answers. Under reloads and upgrades the process changes, and the
// number goes on.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/reactor"
	"github.com/weft-go/weft/reactor/prefork"
)

// flags are what the command line says, in every process: workers are started
// with the same one.
type flags struct {
	model, spread, network, pidFile, config string
	workers, loops                          int
	drain, hang                             time.Duration
}

func main() {
	var f flags
	cli.Main("prefork", func(addr string) error { return serve(addr, f) }, func(set *flag.FlagSet) {
		set.StringVar(&f.model, "model", "prefork", "single, loops, prefork, hybrid or process-per-connection")
		set.StringVar(&f.spread, "spread", "shared", "how connections come to processes: shared, reuseport or leastconns")
		set.StringVar(&f.network, "network", "tcp", "tcp or unix")
		set.IntVar(&f.workers, "workers", 2, "worker processes")
		set.IntVar(&f.loops, "loops", 2, "event loops of a process, for loops and hybrid")
		set.StringVar(&f.pidFile, "pidfile", "", "file for the master's process number")
		set.StringVar(&f.config, "config", "", "file whose first line is the greeting; read again by a reload")
		set.DurationVar(&f.drain, "drain", 30*time.Second, "time that old processes have to finish")
		set.DurationVar(&f.hang, "hang", 10*time.Second, "time without a heartbeat after which a worker is replaced")
	})
}

var spreads = map[string]prefork.Spread{
	"shared": prefork.SpreadShared, "reuseport": prefork.SpreadReusePort, "leastconns": prefork.SpreadLeastConns,
}

func serve(addr string, f flags) error {
	model, err := prefork.ParseModel(f.model)
	if err != nil {
		return err
	}
	spread, ok := spreads[f.spread]
	if !ok {
		return fmt.Errorf("unknown spread %q", f.spread)
	}
	var worker *prefork.Worker // this process's, where it is one
	s := prefork.Server{
		Model: model,
		Loops: f.loops,
		Setup: func(w *prefork.Worker) error { worker = w; return nil },
		Handler: func(*reactor.Conn) reactor.Handler {
			return &session{worker: worker}
		},
		Resume: func(_ *reactor.Conn, state []byte) reactor.Handler {
			answered, _ := strconv.Atoi(string(state)) // Move wrote it
			return &session{worker: worker, answered: answered}
		},
		Listening: func(w *prefork.Worker) { fmt.Println("listening on", w.Listeners[0].Addr) },
	}
	s.Listen = []prefork.Address{{Network: f.network, Address: addr}}
	s.Spread, s.Workers, s.PIDFile = spread, f.workers, f.pidFile
	s.DrainTimeout, s.HangTimeout = f.drain, f.hang
	s.Master.Config = func() ([]byte, error) { return greeting(f.config) }
	s.Started = func(c *prefork.Control) { fmt.Println("listening on", c.Addrs()[0]) }
	return s.Run(context.Background())
}

// greeting is the first line of the configuration.
func greeting(path string) ([]byte, error) {
	if path == "" {
		return []byte("hello"), nil
	}
	text, err := os.ReadFile(path)
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return line, err
}

// maxLine is the longest line that is waited for.
//
// Bound: people type them.
const maxLine = 4 << 10

// session is the handler of one connection. What it knows fits into a number, which
// is why it can move.
type session struct {
	reactor.NopHandler
	worker   *prefork.Worker
	answered int
}

// OnData answers the complete lines, and leaves the rest, which moves along too.
func (s *session) OnData(c *reactor.Conn, data []byte) int {
	consumed := 0
	for {
		line, _, found := bytes.Cut(data[consumed:], []byte("\n"))
		if !found {
			if len(line) > maxLine {
				_ = c.Abort()
			}
			return consumed
		}
		consumed += len(line) + 1
		s.answered++
		fmt.Fprintf(c, "%d %s from process %d, generation %d: %s\n", s.answered, s.worker.Config, os.Getpid(), s.worker.Generation, line)
	}
}

// Move lets the connection go whenever nothing is in flight.
func (s *session) Move(*reactor.Conn) (state []byte, ok bool) {
	return []byte(strconv.Itoa(s.answered)), true
}
