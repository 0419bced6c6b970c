package load

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/weft-go/weft/poller"
)

// dialsAtOnce bounds the connections that are being set up at a time.
//
// Bound: well below the backlog of any listener (128 on old systems), so that
// no SYN is dropped and repeated a second later.
const dialsAtOnce = 100

// Dial opens connections until n of them are open, or all that the groups have
// but those of Churn groups. If some fail, the rest is tried all the same, and the
// error tells how many, and why the first one did. Errors: ErrConnect,
// ErrDescriptors, ErrPorts, ErrClosed, ErrSurplus, ctx.Err().
func (e *Engine) Dial(ctx context.Context, n int) (Dialed, error) {
	if e.phase != resting {
		return Dialed{}, errSpent
	}
	e.phase = touching
	d := dialer{e: e, until: min(n, len(e.standing)), before: e.dialed}
	err := e.rest(d.run(ctx))
	if err != nil {
		return Dialed{}, err
	}
	all := newTimes()
	for _, g := range e.groups {
		all.Merge(g.connect)
	}
	connect, err := encode(all)
	return Dialed{
		Conns:      e.dialed,
		Elapsed:    d.elapsed,
		Connect:    connect,
		Congestion: e.sources.congestion,
		Sources:    e.sources.used(e.spec.First, e.dialed),
		Processes:  1,
	}, err
}

// dialer is one Dial under way. Connects are what the engine is owed.
type dialer struct {
	e             *Engine
	until, before int // how many are to be open, and were
	failures      int
	reason        error // of the first failure
	start         time.Duration
	elapsed       time.Duration
}

func (d *dialer) run(ctx context.Context) error {
	e := d.e
	e.begin(math.MaxInt64)
	d.start = e.now
	defer context.AfterFunc(ctx, func() { _ = e.os.Wake() })()
	for {
		e.now = e.os.Now()
		if e.moved {
			e.moved, e.progress = false, e.now
		}
		later := d.begin()
		if e.dialed >= d.until && e.owed == 0 {
			break
		}
		if e.owed == 0 {
			e.progress = e.now // the rate allows none yet
		}
		if e.now >= e.progress+e.stallLimit {
			return fmt.Errorf("%w to %s: no answer for %v", ErrConnect, e.spec.Server, e.stallLimit)
		}
		n, err := e.os.Wait(e.events[:], min(e.progress+e.stallLimit-e.now, later))
		if err != nil {
			return err
		}
		for i := range n {
			if err := d.handle(&e.events[i]); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	d.elapsed = e.now - d.start
	if d.failures > 0 {
		return fmt.Errorf("%d of %d connections failed: %w", d.failures, d.until-d.before, d.reason)
	}
	return nil
}

// begin starts as many connects as the bound and the rate allow, and returns how
// long it is until there may be more.
func (d *dialer) begin() time.Duration {
	e := d.e
	for e.dialed < d.until && e.owed < dialsAtOnce {
		if e.spec.ConnectRate > 0 {
			after := nanoseconds(float64(e.dialed-d.before) / e.spec.ConnectRate * float64(time.Second))
			if passed := e.now - d.start; after > passed {
				return after - passed
			}
		}
		c := &e.conns[e.standing[e.dialed]]
		e.dialed++
		if err := e.dial(c); err != nil {
			d.fail(err)
		}
	}
	return math.MaxInt64
}

// handle serves an event while connections are being set up. Those that are have
// nothing to say yet: bytes and ends are errors.
func (d *dialer) handle(event *poller.Event) error {
	c := &d.e.conns[event.Token.Slot()]
	if c.state != dialing {
		return d.e.handle(event)
	}
	err := d.e.answered(c)
	if c.state == failed {
		d.fail(err)
		return nil
	}
	if err != nil {
		return err
	}
	return d.e.arrived(c, event)
}

func (d *dialer) fail(err error) {
	d.failures++
	if d.reason == nil {
		d.reason = err
	}
}

// dial begins a connect.
func (e *Engine) dial(c *conn) error {
	c.begun = e.os.Now()
	fd, err := e.sources.connect(e.os, c.number)
	if err == nil {
		if err = e.os.Add(fd, poller.NewToken(uint32(c.number-e.spec.First), c.generation)); err != nil {
			err = errors.Join(err, e.os.CloseFD(fd))
		}
	}
	if err != nil {
		return e.connectError(err)
	}
	c.fd, c.state = fd, dialing
	e.owe()
	return nil
}

// answered asks how a connect ended. After an error the connection has failed.
func (e *Engine) answered(c *conn) error {
	err := e.os.ConnectResult(c.fd)
	if err == poller.ErrWouldBlock {
		return nil
	}
	e.owed--
	e.moved = true
	if err != nil {
		c.state = failed
		return e.connectError(err)
	}
	e.now = e.os.Now()
	c.state = open
	record(c.group.connect, e.now-c.begun)
	if e.room != nil {
		c.head = e.room.sender.tail // it hears what is said from now on
	}
	if c.group.Role == Churn {
		return e.plan(c, c.begun)
	}
	return nil
}

// arrived reads what came with the answer to a connect: the event that told of both does
// not come again.
func (e *Engine) arrived(c *conn, event *poller.Event) error {
	if c.state != open || c.group.Role == Mute || event.Ready&poller.Readable == 0 {
		return nil
	}
	return e.receive(c, event.Ready)
}

// reborn ends a life of a Churn connection, and begins the next one.
//
// A reset, and not a close: otherwise every life would leave its port occupied for
// the minute of TIME_WAIT, and the ports of an address would last for two seconds.
func (e *Engine) reborn(c *conn) error {
	c.state = unborn
	c.generation++
	if err := e.os.Abort(c.fd); err != nil {
		return err
	}
	if e.phase == running && e.now < e.deadline {
		return e.dial(c)
	}
	return nil
}

// connectError names what a connect failed with.
func (e *Engine) connectError(err error) error {
	switch {
	case errors.Is(err, poller.ErrTooManyFiles), isTooManyFiles(err):
		return fmt.Errorf("%w: %w", ErrDescriptors, err)
	case isAddressExhausted(err):
		return fmt.Errorf("%w to %s: %w", ErrPorts, e.spec.Server, err)
	}
	return fmt.Errorf("%w to %s: %w", ErrConnect, e.spec.Server, err)
}
