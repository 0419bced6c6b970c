package load

import (
	"context"

	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/weft-go/weft/bench/measure"
)

// Touch sends one batch on every connection that was not used yet, and returns
// when it is back; the members of a room have then all heard its sender. Errors are
// those of Run.
func (e *Engine) Touch(ctx context.Context) error {
	if e.phase != resting {
		return errSpent
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e.phase = touching
	err := e.touch(ctx)
	return e.rest(err)
}

func (e *Engine) touch(ctx context.Context) error {
	e.begin(0)
	for i := range e.conns {
		c := &e.conns[i]
		if c.state != open || c.touched {
			continue
		}
		switch c.group.Role {
		case Echo, Paced, Idle, Trickle, HTTP:
			if err := e.plan(c, e.os.Now()); err != nil {
				return err
			}
		}
	}
	if err := e.loop(ctx); err != nil {
		return err
	}
	return e.assemble(ctx)
}

// Run runs the load until d has passed, and returns when the last answer is back.
// All connections must be dialed. Errors: ErrWrongByte, ErrSurplus, ErrClosed,
// ErrStalled, ErrConnect, ErrPorts, ErrHTTP, ctx.Err(), or a failed system call.
// After an error the engine can only be closed.
func (e *Engine) Run(ctx context.Context, d time.Duration) (Outcome, error) {
	return e.measure(ctx, d, math.MaxUint64)
}

// Exchange is a Run that ends when every connection of a closed loop has sent that
// many batches, for those who count what a message costs.
func (e *Engine) Exchange(ctx context.Context, batches int) (Outcome, error) {
	return e.measure(ctx, math.MaxInt64, uint64(batches))
}

// measure is both.
func (e *Engine) measure(ctx context.Context, d time.Duration, batches uint64) (Outcome, error) {
	cpu, err := e.offer(ctx, d, batches)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{CPU: cpu, Void: e.void}
	for _, g := range e.groups {
		m, err := e.measured(g)
		if err != nil {
			return Outcome{}, err
		}
		o.Groups = append(o.Groups, m)
		if o.Void == "" && g.counts() && (m.Planned != m.Sent || m.Sent != m.Received) {
			o.Void = fmt.Sprintf("group %s: %d messages planned, %d sent, %d received", g.Name, m.Planned, m.Sent, m.Received)
		}
	}
	return o, nil
}

// offer runs the load, and returns the CPU time of that: 0 on a system that does
// not tell.
func (e *Engine) offer(ctx context.Context, d time.Duration, batches uint64) (time.Duration, error) {
	if e.phase != resting {
		return 0, errSpent
	}
	if e.dialed < len(e.standing) {
		return 0, fmt.Errorf("%w: a run with %d of %d connections", ErrSpec, e.dialed, len(e.standing))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	tightenTimers()
	e.phase = touching
	if err := e.rest(e.assemble(ctx)); err != nil {
		return 0, err
	}
	e.phase = running
	for _, g := range e.groups {
		g.reset()
	}
	for i := range e.conns {
		c := &e.conns[i]
		c.messages, c.seated = 0, false
		c.last = c.head + min(batches, math.MaxUint64-c.head)
	}
	e.counted = batches != math.MaxUint64
	before, usageErr := measure.OfSelf()
	err := e.run(ctx, d)
	after, _ := measure.OfSelf()
	if usageErr != nil {
		before, after = measure.Usage{}, measure.Usage{}
	}
	return after.Sub(before).CPU, e.rest(err)
}

// counts reports that a group's messages all come back.
func (g *group) counts() bool { return g.Role != Mute && g.Role != Trickle }

func (e *Engine) run(ctx context.Context, d time.Duration) error {
	e.begin(d)
	for i, g := range e.groups {
		if err := e.start(i, g); err != nil {
			return err
		}
	}
	for i := range e.seats {
		e.take(i)
	}
	return e.loop(ctx)
}

// begin sets the clock of what follows: nothing is planned later than d from now.
func (e *Engine) begin(d time.Duration) {
	e.now = e.os.Now()
	e.progress = e.now
	e.deadline = e.now + min(d, math.MaxInt64-e.now)
	e.agenda = e.agenda[:0]
}

// rest ends a phase.
func (e *Engine) rest(err error) error {
	e.phase, e.counted = resting, false
	if err != nil || e.void != "" {
		e.phase = spent
	}
	return err
}

// start lets a group do what its role is; those with a plan are started by take.
func (e *Engine) start(i int, g *group) error {
	conns := e.conns[g.first:][:g.Conns]
	if g.Rotate > 0 {
		e.agenda.add(entry{e.now + g.Rotate, rotateSeats, int32(i)})
	}
	switch g.Role {
	case Echo, HTTP, Paced:
		return e.sitDown(g)
	case Sender:
		if !g.open {
			return e.say(e.os.Now())
		}
	case Churn:
		for k := range conns {
			if err := e.dial(&conns[k]); err != nil {
				return err
			}
		}
	case Mute, Trickle:
		e.disturb(g)
	}
	return nil
}

// loop is the generator: it returns when nothing is owed and nothing more will be
// planned, or when the run is void.
//
//	     +----------------------------------------------+
//	     v                                              |
//	planned things    over?    wait for readiness    events:
//	that are due  --> yes, --> or the next planned --> send the rest, read, check,
//	              return       thing, in one call     and send what follows
//
// Order: planned things come first, since a send that is late is the generator's
// fault, and an answer that waits is not lost.
func (e *Engine) loop(ctx context.Context) error {
	defer context.AfterFunc(ctx, func() { _ = e.os.Wake() })()
	for {
		e.now = e.os.Now()
		if e.moved {
			e.moved, e.progress = false, e.now
		}
		if err := e.perform(); err != nil {
			return err
		}
		if e.over() {
			return nil
		}
		timeout, err := e.patience()
		if err != nil {
			return err
		}
		n, err := e.os.Wait(e.events[:], timeout)
		if err != nil {
			return err
		}
		for i := range n {
			if err := e.handle(&e.events[i]); err != nil {
				return err
			}
			// An answer has read the clock: what is due now does not wait for
			// the other events.
			if len(e.agenda) > 0 && e.agenda[0].at <= e.now {
				if err := e.perform(); err != nil {
					return err
				}
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// owe books one more batch or connect that is under way. Where nothing was, the patience
// begins anew: what is not due cannot be late, however long ago the last answer was.
func (e *Engine) owe() {
	if e.owed == 0 {
		e.progress = e.now
	}
	e.owed++
}

// over reports that there is nothing left to wait for.
func (e *Engine) over() bool {
	if e.void != "" {
		return true
	}
	if e.owed > 0 && e.phase == running && e.now-drainLimit > e.deadline {
		e.giveUp("%d answers were missing %v after the end", e.owed, drainLimit)
		return true
	}
	return e.owed == 0 && (e.now >= e.deadline || e.counted || e.phase == touching && e.room.assembled(e))
}

// giveUp makes the run void, for the first reason there is.
func (e *Engine) giveUp(format string, args ...any) {
	if e.void == "" {
		e.void = fmt.Sprintf(format, args...)
	}
}

// patience is how long to wait for events. The error is ErrStalled.
func (e *Engine) patience() (time.Duration, error) {
	until := e.deadline
	if e.now >= e.deadline {
		until = e.deadline + drainLimit
	}
	if e.owed > 0 {
		limit := e.progress + e.stallLimit
		if e.now >= limit {
			return 0, e.stalled()
		}
		until = min(until, limit)
		if e.phase == touching {
			until = limit
		}
	}
	if len(e.agenda) > 0 && e.agenda[0].at < e.deadline {
		return e.pace(min(until, e.agenda[0].at)), nil
	}
	return max(until-e.now, 0), nil
}

// stalled names who waits the longest.
func (e *Engine) stalled() error {
	var oldest *conn
	for i := range e.conns {
		c := &e.conns[i]
		if c.state == dialing && oldest == nil {
			oldest = c
		}
		if c.head < c.tail && len(c.flights) > 0 &&
			(oldest == nil || oldest.head == oldest.tail || c.flight(c.head).planned < oldest.flight(oldest.head).planned) {
			oldest = c
		}
	}
	if oldest == nil { // a room
		return fmt.Errorf("%w for %v: %d batches were not heard by all", ErrStalled, e.stallLimit, e.owed)
	}
	return fmt.Errorf("%w for %v: %d are due, the oldest on %v", ErrStalled, e.stallLimit, e.owed, oldest)
}

// finish books a batch that is back, and does what the role does then.
func (e *Engine) finish(c *conn) error {
	g := c.group
	e.now = e.os.Now()
	if g.Role == Trickle && e.phase != touching {
		c.head++
		g.received++
		c.messages += uint64(g.Depth)
		return nil
	}
	e.book(c, c.flight(c.head))
	c.head++
	c.touched = true
	e.owed--
	switch {
	case g.Role == Churn:
		return e.reborn(c)
	case c.seated && !g.open && e.phase == running && c.tail < c.last && e.now < e.deadline:
		return e.plan(c, e.now)
	}
	return nil
}
