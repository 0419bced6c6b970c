package prefork

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime"
	"time"

	"github.com/weft-go/weft/poller"
)

// Master starts workers, which are processes of the same program, and watches them.
// It opens the listeners, once, and serves nothing itself. The zero value of every
// field works.
type Master struct {
	// Listen are the addresses. The workers have the sockets in
	// Worker.Listeners; Socket has their options.
	Listen []Address
	Socket poller.ListenOptions
	// Spread is how connections come to the workers.
	Spread Spread
	// Workers is how many; GOMAXPROCS by default.
	Workers int

	// Config, if it is not nil, is called at the start and for every reload, and
	// what it returns is Worker.Config. An error ends the start, or the reload:
	// the workers that there are go on. It must not take long: the master waits.
	Config func() ([]byte, error)
	// Handlers answer the messages and requests of the workers; see Peer.
	Handlers Handlers
	// Started, if it is not nil, is called on a goroutine of its own when all
	// workers serve for the first time.
	Started func(*Control)
	// MaxMessage is the most bytes of a message between processes; 1 MiB.
	MaxMessage int

	// Restart is what happens to workers that end by themselves.
	Restart RestartPolicy
	// StartTimeout is how long a worker may take until it serves; 30 s.
	StartTimeout time.Duration
	// HangTimeout is how long a worker's loops may stand still before the worker
	// is killed and replaced; 10 s. Negative: for ever.
	HangTimeout time.Duration
	// DrainTimeout is how long a worker that was told to finish may take; 30 s.
	// What it has not finished then is cut off.
	DrainTimeout time.Duration
	// StopTimeout is how long one that was told to end at once may take before it
	// is killed; 2 s.
	StopTimeout time.Duration

	// PIDFile, if it is not empty, is the path of a file with the process number
	// of the master to which signals are to be sent. An upgrade changes it.
	PIDFile string
	// KeepAfterUpgrade makes a master stay after a successful upgrade, with its
	// workers, as nginx does: both serve, until one of them is told to end.
	// Otherwise the old master's workers drain, and it ends.
	KeepAfterUpgrade bool
	// Logger gets what happens; slog.Default() by default.
	Logger *slog.Logger

	// perConn makes a worker serve one connection; maxProcesses bounds them.
	perConn      bool
	maxProcesses int
}

// Spread is how connections come to the workers.
type Spread uint8

const (
	// SpreadShared: all workers accept from the same socket. Whoever is awake
	// first has the connection: busy workers get fewer, and an idle server gives
	// most of them to one. Nothing is lost when a worker ends, since the queue is
	// everybody's.
	SpreadShared Spread = iota
	// SpreadReusePort: each worker has a socket of its own (SO_REUSEPORT, TCP
	// only), and the kernel chooses by a hash of the addresses. No worker is woken
	// for nothing, but the hash does not know who is busy, or hangs. The sockets
	// stay the master's, and a worker inherits that of the one it replaces, so no
	// queue is lost; their number is fixed at the start.
	SpreadReusePort
	// SpreadLeastConns: the master accepts and passes each connection to the
	// worker with the fewest. It costs a message for each connection, and is even.
	SpreadLeastConns
)

func (s Spread) String() string {
	if int(s) < 3 {
		return [...]string{"shared", "reuse port", "least connections"}[s]
	}
	return fmt.Sprintf("Spread(%d)", uint8(s))
}

// Command is what a master is told by a signal, or by Control.
type Command uint8

const (
	// CommandStop ends the workers at once, and then the master: INT, TERM.
	CommandStop Command = iota
	// CommandQuit lets the workers finish first: QUIT.
	CommandQuit
	// CommandReload starts new workers with a new configuration; when all of them
	// serve, the old ones finish: HUP.
	CommandReload
	// CommandUpgrade starts the program that is now in this one's place on the
	// disk, as a master with the same sockets. When its workers serve, ours
	// finish: USR2.
	CommandUpgrade
	// CommandRetire lets the workers finish and starts no new ones; the master
	// stays, and its sockets stay open. A reload undoes it: WINCH.
	CommandRetire
	// CommandMore and CommandFewer: one worker more or fewer: TTIN, TTOU.
	CommandMore
	CommandFewer
)

func (c Command) String() string {
	names := [...]string{"stop", "quit", "reload", "upgrade", "retire", "more", "fewer"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("Command(%d)", uint8(c))
}

// maxWorkers bounds Master.Workers, and how far CommandMore goes.
//
// Bound: more processes than this gain nothing on any machine, and a signal that
// is sent in a loop must not eat one.
const maxWorkers = 1024

// Run is the whole program, in all of its processes. In the first one it is the
// master's: it returns when the master has been told to end and every worker has
// ended, with nil if that was by a signal, by the end of ctx, which is a graceful
// one, or by an upgrade. In a process that a master has started it calls work and
// returns its error.
//
// The program has to come here by the same way in every process: with the same
// arguments, and without much ado before it.
//
// Errors in the master: those of the addresses, as of reactor.Loop.Listen
// (*net.OpError); ErrNotListener; ErrWorkersEnd; those of Config; and
// errors.ErrUnsupported on a system other than Linux, darwin and the BSDs.
func (o Master) Run(ctx context.Context, work func(ctx context.Context, w *Worker) error) error {
	if !supported {
		return fmt.Errorf("prefork: masters and workers: %w", errors.ErrUnsupported)
	}
	in, err := readInherited()
	if err != nil {
		return err
	}
	o = o.withDefaults()
	if in.role == roleWorker {
		return runWorker(ctx, o, in, work)
	}
	m := &master{
		Master:    o,
		in:        in,
		pid:       os.Getpid(),
		events:    make(chan func(), eventQueue),
		ended:     make(chan struct{}),
		procs:     make(map[*process]struct{}),
		exits:     make(map[string]int),
		router:    newRouter(o.Workers),
		startedAt: time.Now(),
	}
	return m.run(ctx)
}

func (o Master) withDefaults() Master {
	orDefault(&o.Workers, runtime.GOMAXPROCS(0))
	o.Workers = min(max(o.Workers, 1), maxWorkers)
	orDefault(&o.MaxMessage, defaultMaxMessage)
	o.Restart = o.Restart.withDefaults()
	orDefault(&o.StartTimeout, 30*time.Second)
	orDefault(&o.HangTimeout, 10*time.Second)
	orDefault(&o.DrainTimeout, 30*time.Second)
	orDefault(&o.StopTimeout, 2*time.Second)
	orDefault(&o.maxProcesses, 256)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return o
}

// run opens the listeners and supervises until the end.
func (m *master) run(ctx context.Context) error {
	have := m.in.Listeners
	if m.in.role == roleOrigin {
		var err error
		if have, err = systemdSockets(); err != nil {
			return err
		}
	}
	shards := 1
	if m.Spread == SpreadReusePort {
		shards = m.Workers
	}
	defer m.sockets.close()
	if err := m.sockets.open(m.Listen, have, m.Socket, shards); err != nil {
		return err
	}
	if m.Config != nil {
		var err error
		if m.config, err = m.Config(); err != nil {
			return err
		}
	}
	if m.in.role == roleSuccessor {
		if err := m.meetParent(); err != nil {
			return err
		}
	}
	m.notify = newNotifier()
	defer m.notify.close()
	m.spawner = newSpawner()
	defer m.spawner.close()

	signals := make(chan os.Signal, signalQueue)
	for s := range commands {
		signal.Notify(signals, s)
	}
	defer signal.Stop(signals)
	m.Logger.Info("prefork: master", "pid", m.pid, "workers", m.Workers, "spread", m.Spread.String(), "addrs", addrStrings(m.sockets.addrs()))
	return m.supervise(ctx, signals)
}

func addrStrings(addrs []net.Addr) []string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return s
}
