package prefork

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Model is how a server's processes and loops are laid out. Package documentation
// has a drawing of each.
type Model uint8

const (
	// ModelPrefork is Master.Workers processes of one loop each.
	ModelPrefork Model = iota
	// ModelSingle is one loop in this process, without a master.
	ModelSingle
	// ModelLoops is Server.Loops loops in this process, without a master.
	ModelLoops
	// ModelHybrid is Master.Workers processes of Server.Loops loops each.
	ModelHybrid
	// ModelPerConn is a process for each connection, Server.Spare of them waiting,
	// MaxProcesses at most.
	ModelPerConn
)

var modelNames = [...]string{"prefork", "single", "loops", "hybrid", "process-per-connection"}

func (m Model) String() string {
	if int(m) < len(modelNames) {
		return modelNames[m]
	}
	return fmt.Sprintf("Model(%d)", uint8(m))
}

// ParseModel is the model of a name, as String gives it.
func ParseModel(name string) (Model, error) {
	for i, n := range modelNames {
		if n == name {
			return Model(i), nil
		}
	}
	return 0, fmt.Errorf("unknown model %q; there are: %v", name, modelNames)
}

// Server serves connections with a reactor.Handler, in any of the models.
type Server struct {
	// Master has the addresses, and the options of the models with processes. A
	// server without a master uses Listen, Socket, Spread, Config, DrainTimeout
	// and Logger of it, and obeys INT, TERM and QUIT.
	Master
	// Model is ModelPrefork by default.
	Model Model
	// Loops is how many loops a process has, with ModelLoops and ModelHybrid;
	// GOMAXPROCS by default, divided among the processes.
	Loops int
	// Spare is how many processes wait for a connection, with ModelPerConn; 4.
	Spare int
	// MaxProcesses is the most processes of ModelPerConn; 256. Connections over
	// it wait in the kernel's queue.
	MaxProcesses int

	// Reactor configures every loop, Conn every connection.
	Reactor reactor.Options
	Conn    reactor.ConnOptions

	// Handler gives a connection its handler, on the connection's loop.
	Handler func(c *reactor.Conn) reactor.Handler
	// Resume, if it is not nil, gives it to a connection that comes from another
	// process; state is what its handler there returned from Move. Otherwise
	// Handler does.
	Resume func(c *reactor.Conn, state []byte) reactor.Handler
	// Setup, if it is not nil, is called in every process that serves, before
	// the first connection: to read w.Config, to set w.Counters.
	Setup func(w *Worker) error
	// Listening, if it is not nil, is called where no master is, when
	// connections are accepted. With a master Master.Started is for that.
	Listening func(w *Worker)
}

// Mover is a reactor.Handler whose connections can be moved to another process
// when this one is to end. A connection with a handler that is none stays until its
// peer closes it, or the time is over.
type Mover interface {
	// Move reports whether the connection can be moved now, with the state that
	// the handler there is to have. It is asked again later if not. It is called
	// on the connection's loop, when nothing waits to be sent; what was received
	// and not consumed travels along by itself.
	Move(c *reactor.Conn) (state []byte, ok bool)
}

// Drainer is a reactor.Handler that is told when its process is to end: it can say
// goodbye in the words of its protocol with the next answer.
type Drainer interface {
	// Drain is called once, on the connection's loop.
	Drain(c *reactor.Conn)
}

// Run serves until the end: see Master.Run, whose errors it has, and those of the
// loops.
func (s Server) Run(ctx context.Context) error {
	if !supported {
		return fmt.Errorf("prefork: a server of processes: %w", errors.ErrUnsupported)
	}
	orDefault(&s.Workers, runtime.GOMAXPROCS(0))
	switch s.Model {
	case ModelSingle, ModelPrefork, ModelPerConn:
		s.Loops = 1
	case ModelLoops:
		orDefault(&s.Loops, runtime.GOMAXPROCS(0))
	case ModelHybrid:
		orDefault(&s.Loops, max(runtime.GOMAXPROCS(0)/s.Workers, 1))
	}
	switch s.Model {
	case ModelSingle, ModelLoops:
		return s.runHere(ctx)
	case ModelPerConn:
		orDefault(&s.Spare, 4)
		orDefault(&s.MaxProcesses, 256)
		s.Workers, s.perConn, s.maxProcesses = s.Spare, true, max(s.MaxProcesses, s.Spare)
		s.Spread = SpreadShared
	}
	return s.Master.Run(ctx, s.work)
}

// runHere serves in this process: as its own worker, with sockets of its own.
func (s Server) runHere(ctx context.Context) error {
	s.Master = s.Master.withDefaults()
	have, err := systemdSockets()
	if err != nil {
		return err
	}
	shards := 1
	if s.Spread == SpreadReusePort {
		shards = s.Loops
	}
	var own sockets
	defer own.close()
	if err := own.open(s.Listen, have, s.Socket, shards); err != nil {
		return err
	}
	w := newWorker(s.Master)
	if s.Master.Config != nil {
		if w.Config, err = s.Master.Config(); err != nil {
			return err
		}
	}
	for _, k := range own.all {
		w.Listeners = append(w.Listeners, Listener{listenerFD(k.fd), k.bound.NetAddr(), k.Shard})
		k.fd = -1 // the listener's from here on
	}
	ctx, w.drained = context.WithCancelCause(ctx)
	defer w.drained(nil)
	defer w.obey(map[os.Signal]Command{os.Interrupt: CommandStop, signalStop: CommandStop, signalQuit: CommandQuit})()
	return s.work(ctx, w)
}

// work serves as a worker.
func (s Server) work(ctx context.Context, w *Worker) error {
	g, err := reactor.NewGroup(s.Loops, s.Reactor)
	if err != nil {
		return err
	}
	v := &serving{Server: s, w: w, group: g}
	handler := s.Handler
	if s.Model == ModelPerConn {
		handler = v.onlyOne
	}
	if s.Setup != nil {
		if err := s.Setup(w); err != nil {
			return errors.Join(err, g.Close())
		}
	}
	if err := v.listen(handler); err != nil {
		return errors.Join(err, g.Close())
	}
	v.takeOver(handler)
	return v.run(ctx)
}

// serving is a worker's loops at work.
type serving struct {
	Server
	w         *Worker
	group     *reactor.Group
	listeners []*reactor.Listener
	served    chan struct{} // ModelPerConn: the one connection has ended
}

func (v *serving) listen(handler func(*reactor.Conn) reactor.Handler) error {
	o := reactor.GroupListenOptions{Spread: reactor.SpreadLeastConns}
	o.Conn = v.Conn
	if v.Model == ModelPerConn {
		v.served = make(chan struct{})
		o.MaxConns = 1
	}
	for _, from := range v.w.Listeners {
		var ln *reactor.Listener
		var err error
		if v.Model == ModelLoops && v.Spread == SpreadReusePort {
			loops := v.group.Loops()
			ln, err = loops[from.Shard%len(loops)].ListenFD(from.FD, o.ListenOptions, handler)
		} else {
			ln, err = v.group.ListenFD(from.FD, o, handler)
		}
		if err != nil {
			return err
		}
		v.listeners = append(v.listeners, ln)
	}
	return nil
}

// takeOver lets connections come from other processes.
func (v *serving) takeOver(handler func(*reactor.Conn) reactor.Handler) {
	in := v.group.NewIntake(v.Conn, handler, v.w.ConnsChanged)
	v.w.CountConns(v.group.Conns)
	v.w.OnConn(func(fd poller.FD, state, received []byte) error {
		if v.Resume == nil {
			return in.Adopt(fd, received, nil)
		}
		return in.Adopt(fd, received, func(c *reactor.Conn) reactor.Handler { return v.Resume(c, state) })
	})
	for _, l := range v.group.Loops() {
		v.w.Watch(func() (busy time.Duration) {
			if a := l.Activity(); a.Busy {
				busy = l.OS().Now() - a.Since
			}
			return busy
		})
	}
}
