//go:build linux

package prefork

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/weft-go/weft/reactor"
)

// The program that the tests start, send signals to and connect to. It answers each
// line with the line's number on this connection, the process and the configuration.

const programVariable = "WEFT_PREFORK_PROGRAM"

// program is its configuration.
type program struct {
	Model          Model
	Spread         Spread
	Network, Addr  string
	Workers, Loops int
	ConfigFile     string // read at the start and for each reload
	CrashFile      string // workers fail to start while this file is there
	PIDFile        string
	Keep           bool
	Immovable      bool // connections stay where they are
	Hang           time.Duration
	Drain          time.Duration
	Descriptors    uint64 // limit of each process
	Limit          int    // of restarts
	MaxProcesses   int
	Clients        int  // be so many clients instead, in each process
	Nobody         bool // give up the rights of root
}

func runProgram(text string) int {
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	slog.SetDefault(log)
	var p program
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		log.Error("the test's own mistake", "error", err)
		return 2
	}
	if p.Descriptors > 0 {
		limit := syscall.Rlimit{Cur: p.Descriptors, Max: p.Descriptors}
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			log.Error("setrlimit", "error", err)
			return 2
		}
	}
	if p.Nobody && os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			log.Error("setuid", "error", err)
			return 2
		}
	}
	run := func() error { return p.server().Run(context.Background()) }
	if p.Clients > 0 {
		run = func() error { return runClients(p) }
	}
	if err := run(); err != nil {
		log.Error("program ended", "error", err.Error(), "pid", os.Getpid())
		return 1
	}
	return 0
}

func (p program) server() Server {
	s := Server{Model: p.Model, Loops: p.Loops, MaxProcesses: p.MaxProcesses}
	s.Listen = []Address{{Network: p.Network, Address: p.Addr}}
	s.Spread, s.Workers, s.PIDFile, s.KeepAfterUpgrade = p.Spread, p.Workers, p.PIDFile, p.Keep
	s.HangTimeout, s.DrainTimeout = p.Hang, p.Drain
	s.Restart = RestartPolicy{Backoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond, Limit: p.Limit}
	s.Master.Config = func() ([]byte, error) {
		if p.ConfigFile == "" {
			return nil, nil
		}
		b, err := os.ReadFile(p.ConfigFile)
		if err == nil && bytes.Contains(b, []byte("broken")) {
			err = errors.New("the configuration is broken")
		}
		return bytes.TrimSpace(b), err
	}
	var worker *Worker
	var served atomic.Int64
	s.Setup = func(w *Worker) error {
		if _, err := os.Stat(p.CrashFile); err == nil {
			return errors.New("told to fail")
		}
		worker = w
		w.Counters(func() any { return map[string]int64{"served": served.Load()} })
		return nil
	}
	s.Listening = func(w *Worker) {
		slog.Info("prefork: all workers serve", "pid", os.Getpid(), "addrs", []string{w.Listeners[0].Addr.String()})
	}
	s.Handlers = Handlers{}
	Handle(s.Handlers, "double", func(_ context.Context, from *Peer, n int) (int, error) {
		if n < 0 {
			return 0, errors.New("negative")
		}
		return 2 * n, nil
	})
	Handle(s.Handlers, "log", func(_ context.Context, from *Peer, text string) (struct{}, error) {
		slog.Info("told", "text", text, "slot", worker.Slot)
		return struct{}{}, nil
	})
	s.Started = func(c *Control) { exercise(c, p) }
	s.Handler = func(*reactor.Conn) reactor.Handler {
		served.Add(1)
		l := &lines{worker: worker}
		if p.Immovable {
			return struct{ reactor.Handler }{l}
		}
		return l
	}
	s.Resume = func(_ *reactor.Conn, state []byte) reactor.Handler {
		n, _ := strconv.Atoi(string(state))
		return &lines{worker: worker, n: n, moved: true}
	}
	return s
}

// exercise uses Control, in the master.
func exercise(c *Control, p program) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, peer := range c.Peers() {
		var answer int
		err := peer.Ask(ctx, "double", 21, &answer)
		refused := peer.Ask(ctx, "double", -1, &answer)
		unknown := peer.Ask(ctx, "triple", 1, &answer)
		long := peer.Tell("log", strings.Repeat("x", defaultMaxMessage))
		slog.Info("asked", "slot", peer.Slot, "answer", answer, "error", fmt.Sprint(err), "refused", fmt.Sprint(refused),
			"unknown", fmt.Sprint(unknown), "long", fmt.Sprint(long))
	}
	err := c.Broadcast("log", "to all")
	s, err2 := c.Snapshot(ctx)
	slog.Info("snapshot", "error", fmt.Sprint(errors.Join(err, err2)), "workers", len(s.Workers), "phase", s.Phase, "snapshot", s)
}

// lines is the handler of a connection.
type lines struct {
	reactor.NopHandler
	worker *Worker
	n      int
	moved  bool
}

func (l *lines) OnData(c *reactor.Conn, data []byte) int {
	consumed := 0
	for {
		i := bytes.IndexByte(data[consumed:], '\n')
		if i < 0 {
			return consumed
		}
		line := string(data[consumed : consumed+i])
		consumed += i + 1
		l.n++
		switch line {
		case "hang":
			select {}
		case "exit":
			os.Exit(7)
		case "ask":
			var answer int
			err := l.worker.Master().Ask(context.Background(), "double", 4, &answer)
			line = fmt.Sprint(answer, err)
		}
		fmt.Fprintf(c, "%d %d %d %s %s\n", l.n, os.Getpid(), l.worker.Generation, string(l.worker.Config)+"-", line)
	}
}

// Move takes the count along.
func (l *lines) Move(*reactor.Conn) ([]byte, bool) { return []byte(strconv.Itoa(l.n)), true }
