package coro

import (
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// attempt is a connect of a race's. It waits for its source itself, in the place of
// a task of its own.
type attempt struct {
	race  *race
	to    poller.Addr
	conn  *Conn // nil once it has failed, or won
	err   error // why it failed
	ready bool  // there is something to look at
}

// Ready is what its source calls.
func (a *attempt) Ready(err error) {
	a.err, a.ready = err, true
	a.race.task.wake(nil)
}

func (a *attempt) await() {
	if err := a.conn.src.Await(reactor.Out, a); err != nil {
		a.fail(err)
	}
}

// fail ends it, and makes the next one due.
func (a *attempt) fail(err error) {
	a.conn.src.Cancel(reactor.Out)
	_ = a.conn.close()
	a.conn, a.err, a.race.due = nil, err, true
}
