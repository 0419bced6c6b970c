package prefork

import (
	"context"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// How a worker ends without anybody noticing:
//
//	serving --ctx ends--> draining --no connection left--> closing --> ended
//	    |                    |                                ^
//	    '------Stopped-------'--------------------------------'
//
// Draining: the listeners are closed, and the connections are handed over to other
// workers one by one, each at a moment when nothing of it is in flight. Its bytes,
// and those that come meanwhile, are in the socket, and the socket moves. Those
// that cannot be moved end by themselves, or with the time.

const (
	// movesPerPost is how many connections of a loop are taken off it before its
	// other work goes on.
	//
	// Bound: some 3 us each.
	movesPerPost = 64
	// retryMove is how long to wait before connections are asked again that had
	// something in flight.
	//
	// Bound: the time of an answer. A look at 10 000 connections takes half a
	// millisecond.
	retryMove = 10 * time.Millisecond
	// closingTime is how long connections that are cut off have to send what is
	// queued.
	//
	// Bound: well within Master.StopTimeout, after which comes the kill.
	closingTime = 500 * time.Millisecond
)

// run runs the loops to the worker's end.
func (v *serving) run(ctx context.Context) error {
	run, closeAll := context.WithCancel(context.WithoutCancel(ctx))
	defer closeAll()
	ended := make(chan error, 1)
	// Order: the word that it serves goes out before the loops run, or that of the
	// first connection could be earlier. The listeners take connections already.
	v.w.Ready()
	go func() { ended <- v.group.Run(run) }()
	if v.w.master == nil && v.Listening != nil {
		v.Listening(v.w)
	}
	select {
	case err := <-ended: // a loop has failed
		return err
	case <-v.served: // nil but for ModelPerConn
	case <-ctx.Done():
		if v.w.master == nil { // nobody else measures the time
			defer time.AfterFunc(v.DrainTimeout, v.w.end).Stop()
		}
		v.drain()
		v.w.flush()
	}
	closeAll()
	defer time.AfterFunc(closingTime, v.group.Stop).Stop()
	return <-ended
}

// drain returns when there is no connection left, or the worker is to end at once.
func (v *serving) drain() {
	select {
	case <-v.w.stopped:
		return
	default:
	}
	for _, ln := range v.listeners {
		_ = v.on(ln.Loop(), func() { _ = ln.Close() })
	}
	told := false
	for v.group.Conns() > 0 {
		moved := 0
		for _, l := range v.group.Loops() {
			if !told {
				_ = v.on(l, func() { tellDrainers(l) })
			}
			if v.w.CanHandOver() {
				moved += v.move(l)
			}
		}
		told = true
		if moved > 0 {
			continue
		}
		select {
		case <-v.w.stopped:
			return
		case <-time.After(retryMove):
		}
	}
}

// on runs fn on a loop and waits for it.
func (v *serving) on(l *reactor.Loop, fn func()) error {
	done := make(chan struct{})
	if err := l.Post(func() { defer close(done); fn() }); err != nil {
		return err
	}
	select {
	case <-done:
		return nil
	case <-v.w.stopped: // a loop that hangs is not waited for
		return ErrStop
	}
}

func tellDrainers(l *reactor.Loop) {
	for c := range l.Conns() {
		if d, ok := c.Handler().(Drainer); ok {
			d.Drain(c)
		}
	}
}

// leaving is a connection on its way out.
type leaving struct {
	fd              poller.FD
	state, received []byte
}

// move hands over connections of a loop and reports how many.
func (v *serving) move(l *reactor.Loop) int {
	taken := make(chan []leaving, 1)
	if l.Post(func() { taken <- v.takeOff(l) }) != nil {
		return 0
	}
	var batch []leaving
	select {
	case batch = <-taken:
	case <-v.w.stopped:
		return 0 // descriptors in it go with the process
	}
	for _, c := range batch {
		if err := v.w.HandOver(c.fd, c.state, c.received); err != nil {
			v.w.log.Error("prefork: a connection cannot be handed over", "error", err)
			_ = l.OS().Abort(c.fd)
		}
	}
	return len(batch)
}

// takeOff detaches the connections of a loop that can be moved now.
func (v *serving) takeOff(l *reactor.Loop) []leaving {
	var batch []leaving
	for c := range l.Conns() {
		m, ok := c.Handler().(Mover)
		if !ok {
			continue
		}
		if c.Unsent() > 0 {
			continue // it is asked when nothing is
		}
		state, ok := m.Move(c)
		if !ok || c.Unconsumed()+len(state)+movedOverhead > v.w.maximum {
			continue
		}
		fd, received, err := c.Detach()
		if err != nil {
			continue // it is about to end, or has an answer on its way
		}
		if batch = append(batch, leaving{fd, state, received}); len(batch) == movesPerPost {
			break
		}
	}
	return batch
}
