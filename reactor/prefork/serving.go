package prefork

import (
	"time"

	"github.com/weft-go/weft/poller"
)

// What a worker's own code calls.

// Ready tells the master that the worker serves. Before that nobody relies on it:
// a reload waits for it, and the workers it replaces go on.
func (w *Worker) Ready() {
	w.countRoom()
	w.send(frameReady)
}

// Stopped is closed when the worker is to end at once: it was told so, or its time
// to drain is over.
func (w *Worker) Stopped() <-chan struct{} { return w.stopped }

// Master is the process that started this one, to tell and ask; nil in a server
// of one process.
func (w *Worker) Master() *Peer { return w.master }

// Watch adds a watch over something that must not stand still. Busy says for how
// long it has, which is 0 when it sleeps; it is called on another goroutine, every
// quarter of Master.HangTimeout. While one of them is stuck the worker sends no
// heartbeat, and after HangTimeout the master replaces it.
//
// For a reactor.Loop it is the time since Loop.Activity's Since, if that is Busy.
func (w *Worker) Watch(busy func() time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watches = append(w.watches, busy)
}

// Counters sets the function that gives the worker's own counters for
// Control.Snapshot: something that JSON can hold.
func (w *Worker) Counters(own func() any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.own = own
}

// CountConns sets the function that counts the open connections.
func (w *Worker) CountConns(conns func() int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = conns
}

// ConnsChanged says that the count has changed. A master with SpreadLeastConns
// knows soon then; otherwise the next heartbeat tells.
func (w *Worker) ConnsChanged() { w.reportSoon() }

// OnConn sets the function that takes connections over from other processes: by
// SpreadLeastConns, and from workers that drain. The descriptor is non-blocking and
// the function's, unless it returns an error; state is what the handler there gave
// along, and received are bytes that its peer has sent. It is called on one
// goroutine; connections that came before are given to it here.
func (w *Worker) OnConn(take func(fd poller.FD, state, received []byte) error) {
	w.mu.Lock()
	early := w.early
	w.early, w.onConn = nil, take
	w.mu.Unlock()
	for _, f := range early {
		w.give(take, f)
	}
}

// CanHandOver reports whether there is somebody to take connections over: the
// worker drains, and others go on.
func (w *Worker) CanHandOver() bool { return w.handOver.Load() }

// HandOver passes a connection to another worker, by way of the master. It waits
// while the master takes no more, until Stopped. State is for the handler there,
// received for it to read. The descriptor is gone afterwards, except after an
// error: ErrNoMaster, ErrMessageSize, ErrLinkBusy when the worker was stopped.
func (w *Worker) HandOver(fd poller.FD, state, received []byte) error {
	if w.master == nil {
		return ErrNoMaster
	}
	f := frame{kind: frameConn, body: appendMoved(nil, moved{state, received}), fd: int(fd)}
	return w.master.link.sendWaiting(f, w.stopped)
}

// flush waits until all that was handed over is on its way, or Stopped.
func (w *Worker) flush() {
	if w.master != nil {
		w.master.link.flush(w.stopped)
	}
}

// Taken says that the worker serves one connection and takes no more: the master
// starts another one in its place.
func (w *Worker) Taken() { w.send(frameTaken) }
