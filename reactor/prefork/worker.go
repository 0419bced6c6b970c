package prefork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/poller"
)

// Worker is this process as its master's worker. Any goroutine may call its
// methods.
//
// The function that Master.Run was given sets the worker up, calls Ready, and
// serves until its ctx ends: then it takes no more connections, finishes those that
// it has, and returns. Stopped is closed when that takes too long, or is not
// wanted.
type Worker struct {
	// Slot is its number among the workers, from 0; a worker that replaces
	// another one has the same. Generation counts the reloads.
	Slot, Generation int
	// Config is what Master.Config returned.
	Config []byte
	// Listeners are the sockets to accept from; none with SpreadLeastConns. They
	// are non-blocking, and other processes have them too.
	Listeners []Listener

	master   *Peer // nil in a server without one
	log      *slog.Logger
	maximum  int // bytes of a message
	drained  context.CancelCauseFunc
	stopped  chan struct{}
	stop     func()
	handOver atomic.Bool

	mu        sync.Mutex
	early     []frame // connections that came before OnConn
	onConn    func(fd poller.FD, state, received []byte) error
	conns     func() int
	own       func() any
	watches   []func() time.Duration
	received  atomic.Int64
	room      atomic.Int64
	reporting atomic.Bool
}

// Listener is a socket that a worker has from its master.
type Listener struct {
	FD   poller.FD
	Addr net.Addr
	// Shard counts the sockets that share an address, from 0.
	Shard int
}

var (
	// ErrDrain is the cause of the ctx's end when the worker is to finish.
	ErrDrain = errors.New("prefork: the worker is told to finish")
	// ErrStop is the cause when it is to end at once.
	ErrStop = errors.New("prefork: the worker is told to end")
	// ErrNoMaster: there is no other process, in a server of one.
	ErrNoMaster = errors.New("prefork: there is no master")
)

// exitOrphan is the status of a worker that ends because its master is gone.
const exitOrphan = 3

// reportDelay is how long changes in the number of connections are gathered before
// the master is told.
//
// Bound: in 5 ms a master hands out some hundred connections, by a count that knows
// of every one of them; what it does not know yet is who has ended.
const reportDelay = 5 * time.Millisecond

func newWorker(o Master) *Worker {
	w := &Worker{log: o.Logger, maximum: o.MaxMessage, stopped: make(chan struct{})}
	w.stop = sync.OnceFunc(func() { close(w.stopped) })
	return w
}

// runWorker is a worker's life.
func runWorker(ctx context.Context, o Master, in inherited, work func(context.Context, *Worker) error) error {
	l, err := newLink(linkFD, in.MaxMessage)
	if err != nil {
		return fmt.Errorf("%w: %w", errInherited, err)
	}
	w := newWorker(o)
	w.Slot, w.Generation, w.maximum = in.Slot, in.Generation, in.MaxMessage
	if err := w.openListeners(in.Listeners); err != nil {
		return err
	}
	handlers := maps.Clone(o.Handlers)
	if handlers == nil {
		handlers = Handlers{}
	}
	Handle(handlers, countersName, func(context.Context, *Peer, struct{}) (counters, error) { return w.counters() })
	w.master = newPeer(l, handlers)
	w.master.PID = os.Getppid()

	ctx, w.drained = context.WithCancelCause(ctx)
	defer w.drained(nil)
	defer w.obey(workerSignals)()
	started := make(chan struct{})
	l.serve(func(f frame) { w.receivedFrame(f, started) }, func(error) {
		// The master is gone, and nobody will ever tell us anything again.
		os.Exit(exitOrphan)
	})
	<-started
	if o.HangTimeout > 0 {
		l.goroutines.Go(func() { w.beat(o.HangTimeout / 4) })
	}
	return w.finish(w.call(ctx, work))
}

// openListeners makes the inherited descriptors listeners.
func (w *Worker) openListeners(from []Address) error {
	os, err := poller.Open(poller.Config{})
	if err != nil {
		return err
	}
	defer os.Close()
	for _, a := range from {
		bound, err := os.LocalAddr(listenerFD(a.fd))
		if err != nil {
			return err
		}
		w.Listeners = append(w.Listeners, Listener{listenerFD(a.fd), bound.NetAddr(), a.Shard})
	}
	return nil
}

// obey receives the signals of a table until the function it returns is called.
// The other ones that a master obeys are ignored.
func (w *Worker) obey(table map[os.Signal]Command) (stop func()) {
	signals := make(chan os.Signal, signalQueue)
	for s := range commands {
		if _, ours := table[s]; ours {
			signal.Notify(signals, s)
		} else {
			signal.Ignore(s)
		}
	}
	done := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				if table[s] == CommandStop {
					w.end()
				} else {
					w.drained(ErrDrain)
				}
			case <-done:
				return
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}

// end is the order to end at once.
func (w *Worker) end() {
	w.drained(ErrStop)
	w.stop()
}

// call calls work; a panic becomes an error, for the master to log.
func (w *Worker) call(ctx context.Context, work func(context.Context, *Worker) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			_ = w.finish(fmt.Errorf("panic: %v", v))
			panic(v) // its stack is for the standard error
		}
	}()
	return work(ctx, w)
}

// finish sends what still waits, the reason of a failure among it.
func (w *Worker) finish(err error) error {
	l := w.master.link
	if errors.Is(err, ErrDrain) || errors.Is(err, ErrStop) {
		err = nil
	}
	giveUp := make(chan struct{})
	defer time.AfterFunc(lastWordsTime, func() { close(giveUp) }).Stop()
	if err != nil {
		text := err.Error()
		_ = l.sendWaiting(frame{kind: frameFailed, body: []byte(text[:min(len(text), l.limit)]), fd: noFD}, giveUp)
	}
	l.flush(giveUp)
	return err
}

// lastWordsTime is how long a worker that has ended tries to say so.
//
// Bound: a master that does not read for so long does not care.
const lastWordsTime = time.Second

// receivedFrame is called by the link's goroutine.
func (w *Worker) receivedFrame(f frame, started chan struct{}) {
	switch {
	case w.master.receive(f):
	case f.kind == frameConn:
		w.takeConn(f)
	case f.kind == frameStart:
		var words startWords
		_ = json.Unmarshal(f.body, &words) // our own program wrote it
		w.Config = words.Config
		close(started)
	case f.kind == frameDrain:
		var words drainWords
		_ = json.Unmarshal(f.body, &words)
		w.handOver.Store(words.HandOver)
		time.AfterFunc(words.Within, w.end)
		w.drained(ErrDrain)
	case f.kind == frameStop:
		w.end()
	default:
		f.drop()
	}
}

// takeConn gives a connection that was passed to this process to its server.
func (w *Worker) takeConn(f frame) {
	w.received.Add(1)
	defer w.reportSoon()
	w.mu.Lock()
	on := w.onConn
	if on == nil && !f.lost {
		w.early = append(w.early, f)
	}
	w.mu.Unlock()
	if f.lost {
		w.log.Error("prefork: a connection is lost, for want of descriptors in the worker", "worker", w.Slot)
		return
	}
	if on != nil {
		w.give(on, f)
	}
}

func (w *Worker) give(on func(fd poller.FD, state, received []byte) error, f frame) {
	err := checkStream(f.fd)
	var v moved
	if err == nil {
		v, err = parseMoved(f.body)
	}
	if err == nil {
		err = on(listenerFD(f.fd), v.state, v.received)
	}
	if err != nil {
		w.log.Error("prefork: a connection that was passed to this worker is lost", "worker", w.Slot, "error", err)
		f.drop()
	}
}

// beat sends heartbeats, for as long as every watch is seen to turn.
func (w *Worker) beat(every time.Duration) {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if w.alive(every) {
				w.send(frameBeat)
			}
		case <-w.master.link.done:
			return
		}
	}
}

func (w *Worker) alive(within time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, busy := range w.watches {
		if busy() > within {
			return false
		}
	}
	return true
}

// send sends the worker's report.
func (w *Worker) send(kind frameKind) {
	if w.master == nil {
		return
	}
	body, err := json.Marshal(w.report())
	if err == nil {
		_ = w.master.link.send(frame{kind: kind, body: body, fd: noFD}) // the next one is as good
	}
}

// reportSoon tells the master about a change in the number of connections. Any
// number of changes within reportDelay is one message.
func (w *Worker) reportSoon() {
	if w.master != nil && !w.reporting.Swap(true) {
		time.AfterFunc(reportDelay, func() {
			w.reporting.Store(false)
			w.send(frameBeat)
		})
	}
}

func (w *Worker) report() report {
	w.mu.Lock()
	conns := w.conns
	w.mu.Unlock()
	r := report{Received: w.received.Load()}
	if conns != nil {
		r.Conns = conns()
	}
	r.Room = int(w.room.Load())
	return r
}

// countRoom finds out how many connections the worker can have: what is open now
// besides them stays open. Counting takes a look at every descriptor, so it is done
// once.
func (w *Worker) countRoom() {
	conns := w.report().Conns
	w.room.Store(int64(max(conns+descriptorsLeft()-spareDescriptors, 1)))
}

// spareDescriptors is how many descriptors a worker is not given connections for.
//
// Bound: a log, a configuration, a few connections of the program's own. With a
// limit of 64 there is room for some thirty connections beside them.
const spareDescriptors = 16

func (w *Worker) counters() (counters, error) {
	c := counters{report: w.report()}
	w.mu.Lock()
	own := w.own
	w.mu.Unlock()
	if own == nil {
		return c, nil
	}
	var err error
	c.Own, err = json.Marshal(own())
	return c, err
}
