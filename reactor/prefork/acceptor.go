package prefork

import (
	"errors"
	"log/slog"
	"sync"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// acceptor accepts in the master and gives each connection to the worker with the
// fewest. While none has room it does not accept: the kernel's queue is where
// connections wait best, because there another master can take them.
//
// It runs no code of the program's, and the master's goroutine does not wait for
// it: the master stays one that cannot crash by what it serves.
type acceptor struct {
	os      poller.OS
	sockets []*socket
	router  *router
	log     *slog.Logger
	halt    chan struct{}
	done    sync.WaitGroup
}

// acceptsPerWait bounds how many connections one socket brings before the others
// are looked at.
//
// Bound: as reactor.Limits.AcceptsPerTurn.
const acceptsPerWait = 64

func newAcceptor(m *master) (*acceptor, error) {
	os, err := poller.Open(poller.Config{})
	if err != nil {
		return nil, err
	}
	a := &acceptor{os: os, sockets: m.sockets.all, router: m.router, log: m.Logger, halt: make(chan struct{})}
	for i, k := range a.sockets {
		if err := os.Add(listenerFD(k.fd), poller.NewToken(uint32(i), 1)); err != nil {
			a.release()
			return nil, err
		}
	}
	a.done.Go(a.run)
	return a, nil
}

// stop ends the accepting. The sockets stay open.
func (a *acceptor) stop() {
	close(a.halt)
	_ = a.os.Wake()
	a.done.Wait()
	a.release()
}

// release takes the sockets off the poller: the kernel's registration is one of
// the open file, which others have too.
func (a *acceptor) release() {
	for _, k := range a.sockets {
		_ = a.os.Remove(listenerFD(k.fd))
	}
	_ = a.os.Close()
}

func (a *acceptor) halted() bool {
	select {
	case <-a.halt:
		return true
	default:
		return false
	}
}

func (a *acceptor) run() {
	ready := make([]bool, len(a.sockets))
	events := make([]poller.Event, len(a.sockets)+1)
	var backoff reactor.Backoff
	for !a.halted() {
		wait := backoff.Next()
		more := false
		for i := range ready {
			if !ready[i] {
				continue
			}
			switch err := a.accept(a.sockets[i]); {
			case err == nil:
				more = true
				backoff.Reset()
			case err == poller.ErrWouldBlock:
				ready[i] = false
				backoff.Reset()
			case errors.Is(err, errNobody): // it waits in the queue again
				return
			default:
				if backoff.First() {
					a.log.Warn("prefork: cannot accept, will try again", "addr", a.sockets[i].bound.String(), "error", err)
				}
			}
		}
		switch {
		case more:
			wait = 0
		case !anyOf(ready):
			wait = -1
		}
		n, err := a.os.Wait(events, wait)
		if err != nil {
			a.log.Error("prefork: accepting has ended", "error", err)
			return
		}
		for _, e := range events[:n] {
			ready[e.Token.Slot()] = true
		}
	}
}

// errNobody: the acceptor is to end.
var errNobody = errors.New("prefork: nobody takes the connection")

// accept takes connections off one socket's queue. Nil means that there may be
// more.
func (a *acceptor) accept(k *socket) error {
	for range acceptsPerWait {
		if !a.router.waitForRoom(a.halt) || !a.router.enter(a.halt) {
			return errNobody
		}
		fd, _, err := a.os.Accept(listenerFD(k.fd))
		if err != nil {
			a.router.leave()
			return err
		}
		f := frame{kind: frameConn, body: appendMoved(nil, moved{}), fd: int(fd), sent: a.router.leave}
		if !a.router.give(f, nil) {
			a.log.Error("prefork: a connection is lost, since no worker takes it")
			f.drop()
		}
	}
	return nil
}

func anyOf(set []bool) bool {
	for _, b := range set {
		if b {
			return true
		}
	}
	return false
}

// waitForRoom waits until some target has room; false if giveUp comes first.
func (r *router) waitForRoom(giveUp <-chan struct{}) bool {
	for {
		select {
		case <-giveUp:
			return false
		default:
		}
		r.mu.Lock()
		room := false
		for _, t := range r.targets {
			room = room || t.load() < t.room
		}
		changed := r.changed
		r.mu.Unlock()
		if room {
			return true
		}
		select {
		case <-changed:
		case <-giveUp:
		case <-r.closed:
			return false
		}
	}
}
