package coro

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"slices"
	"sync/atomic"
)

// Signals are the signals of some kinds that this process gets, for the tasks of
// one loop to receive. It has a goroutine for each kind, and ends with Close, or
// with the loop at the latest.
//
// Signals that come again before they were received are received once, as the
// kernel has it too: of each kind one is kept, so that no number of SIGWINCH pushes
// out a SIGTERM.
//
//	kernel --> os/signal --> chan, 1 --> goroutine --> pending --> Recv
//	                         full: it     posts the first, keeps
//	                         is dropped   quiet until it is received
type Signals struct {
	loop    *loop
	kinds   []*signalKind
	pending []*signalKind // in the order in which they came, each once
	waiting []*signalWait // in Recv, in the order in which they came
	closed  bool
	ended   chan struct{} // closed with it, for the goroutines
}

// signalKind is one of the signals.
type signalKind struct {
	signal os.Signal
	// Bound: one. os/signal drops what finds it full; then a signal of the same
	// kind is about to be posted.
	c chan os.Signal
	// kept is true from when the goroutine posts a signal until it is received.
	kept atomic.Bool
}

// signalWait is a task in Recv, and what it was given.
type signalWait struct {
	task *task
	got  os.Signal
}

var errNoSignals = errors.New("coro: no signal is named")

// NotifySignals makes signals of these kinds arrive at the task's loop from now on,
// instead of what they do otherwise. If others asked for the same kinds, by
// os/signal or on other loops, each gets every signal. As with os/signal, SIGKILL
// and SIGSTOP never arrive. It does not suspend, and works in a cancelled scope.
// Errors: ErrNotTask, ErrNoLoop, and one for no signal at all, which to os/signal
// would mean all: also those that the Go runtime sends itself all the time.
func NotifySignals(ctx context.Context, signals ...os.Signal) (*Signals, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	if len(signals) == 0 {
		return nil, errNoSignals
	}
	s := &Signals{loop: t.loop(), ended: make(chan struct{})}
	s.loop.signals[s] = struct{}{}
	for _, sig := range signals {
		if slices.ContainsFunc(s.kinds, func(k *signalKind) bool { return k.signal == sig }) {
			continue
		}
		k := &signalKind{signal: sig, c: make(chan os.Signal, 1)}
		s.kinds = append(s.kinds, k)
		signal.Notify(k.c, sig)
		s.loop.helpers.Go(func() { s.forward(k) })
	}
	return s, nil
}

// WaitSignal suspends the task until one of the signals comes, and returns it. They
// have their usual effect again afterwards: a second os.Interrupt ends the process,
// as people who press ^C twice expect. Errors: those of NotifySignals and Recv.
func WaitSignal(ctx context.Context, signals ...os.Signal) (os.Signal, error) {
	s, err := NotifySignals(ctx, signals...)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Recv(ctx)
}

// Recv suspends the task until there is a signal. Of several tasks the one that
// came first gets it. Errors: ErrClosed, the cause of ctx or of a cancelled scope,
// ErrNotTask, ErrNoLoop, ErrWrongLoop.
func (s *Signals) Recv(ctx context.Context) (os.Signal, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	if t.loop() != s.loop {
		return nil, ErrWrongLoop
	}
	if err := t.begin(ctx); err != nil {
		return nil, err
	}
	if s.closed {
		return nil, ErrClosed
	}
	if len(s.pending) > 0 {
		k := s.pending[0]
		s.pending = s.pending[1:]
		k.kept.Store(false)
		return k.signal, nil
	}
	w := &signalWait{task: t}
	s.waiting = append(s.waiting, w)
	if err := t.parkUnder(ctx, waitSignal); err != nil {
		if i := slices.Index(s.waiting, w); i >= 0 {
			s.waiting = slices.Delete(s.waiting, i, i+1)
		}
		return nil, err
	}
	return w.got, nil
}

// Close ends the arrival of signals: without others who asked for them, they have
// their usual effect again. Tasks in Recv get ErrClosed; signals that nobody has
// received are forgotten. It never suspends, and any goroutine may call it, and
// again; one that is no task does not wait for the loop.
func (s *Signals) Close() {
	if s.loop.onLoop() {
		s.close()
		return
	}
	for _, k := range s.kinds {
		signal.Stop(k.c)
	}
	s.loop.deliver(s.close) // a loop that has ended has closed it
}

func (s *Signals) close() {
	if s.closed {
		return
	}
	s.closed = true
	for _, k := range s.kinds {
		signal.Stop(k.c)
	}
	close(s.ended)
	delete(s.loop.signals, s)
	s.pending = nil
	for _, w := range s.waiting {
		w.task.wake(ErrClosed)
	}
	s.waiting = nil
}

// forward is the goroutine of a kind.
//
// Invariant: no more than one post of it is under way, however fast the signals
// come.
func (s *Signals) forward(k *signalKind) {
	for {
		select {
		case <-k.c:
			if !k.kept.Swap(true) {
				s.loop.deliver(func() { s.arrive(k) })
			}
		case <-s.ended:
			return
		}
	}
}

// arrive gives a signal to the first task that still waits, or keeps it.
func (s *Signals) arrive(k *signalKind) {
	if s.closed {
		return
	}
	for len(s.waiting) > 0 {
		w := s.waiting[0]
		s.waiting = s.waiting[1:]
		if w.task.wake(nil) {
			w.got = k.signal
			k.kept.Store(false)
			return
		}
	}
	s.pending = append(s.pending, k)
}
