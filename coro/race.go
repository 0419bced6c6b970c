package coro

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// race is a dial to a host with a name: happy eyeballs, RFC 8305.
//
//	AAAA? ---- answer --> addresses \  one of each in turn
//	                                 >----------------------> attempt
//	A? ------- answer --> addresses /   at once when one      attempt
//	            |                       fails, or after       attempt
//	            '-- 50 ms without AAAA  AttemptDelay             |
//	                are enough                       the first to connect wins
//
// It is one task's: the attempts and lookups do nothing by themselves but wake it,
// and it looks then at what has come. So two that end in the same turn are no case
// of their own: they are looked at in the order in which they began, and the first
// that has connected is the winner.
type race struct {
	task   *task
	dialer *Dialer
	to     target

	lookups  [2]*lookup       // by family; nil: answered, or never asked
	failures [2]error         // of the lookups
	waiting  [2][]poller.Addr // to be tried, by family
	turn     family           // whose address is next
	attempts []*attempt       // in the order in which they began

	timer   reactor.Timer
	elapsed bool // the timer has fired, and nobody has looked yet
	due     bool // the next attempt may begin as soon as there is an address
}

// family is one of the two kinds of addresses, in the order of preference.
type family uint8

const (
	ipv6 family = iota
	ipv4
)

func (f family) String() string { return [...]string{"ip6", "ip4"}[f] }

const (
	// resolutionDelay is how long IPv4 addresses wait for IPv6 ones.
	//
	// Bound: that of RFC 8305, section 3. It is what a name server takes that has
	// the one answer and has to ask for the other.
	resolutionDelay = 50 * time.Millisecond

	// defaultAttemptDelay is the default of Dialer.AttemptDelay.
	//
	// Bound: RFC 8305, section 5: longer than a round trip to most places, so that
	// an address which works is seldom tried in vain.
	defaultAttemptDelay = 250 * time.Millisecond

	// leastAttemptDelay is for a race that has little time.
	//
	// Bound: the least that RFC 8305 recommends (section 8). Faster, and each dial
	// is a connect to every address.
	leastAttemptDelay = 100 * time.Millisecond

	// leastShare is the time for an address where they are tried one by one.
	//
	// Bound: package net's. A SYN that was lost is repeated after one second.
	leastShare = 2 * time.Second
)

// race dials a host by its name.
func (d *Dialer) race(t *task, network string, to target) (*Conn, error) {
	s := t.nest(t.scope) // its end ends the lookups that are still under way
	defer t.leave(s)
	r := &race{task: t, dialer: d, to: to}
	r.timer.Init(t.loop().reactor, (*raceTimer)(r))
	defer r.end()
	only := network[len("tcp"):] // 4, 6, or nothing
	for f := range r.lookups {
		if name := family(f).String(); strings.HasSuffix(name, only) {
			r.lookups[f] = d.ask(t, name, to.host)
		}
	}
	c, addr, err := r.run()
	if err != nil {
		return nil, dialError(network, addr, err)
	}
	return c, nil
}

// run goes on until an attempt has connected or the last one has failed. The
// address is that of the attempt whose error it is, if it is one's.
//
// Order: what has completed is looked at before the next wait, so a connection that
// was there before a cancellation is not lost to it.
func (r *race) run() (*Conn, poller.Addr, error) {
	for {
		r.collect()
		if c := r.winner(); c != nil {
			return c, poller.Addr{}, nil
		}
		var err error
		switch {
		case r.due && r.left() > 0:
			if err = r.task.checkpoint(); err == nil {
				r.start()
			}
		case r.over():
			if r.task.scope.Err() != nil { // which the lookups were told first
				return nil, poller.Addr{}, context.Cause(r.task.scope)
			}
			addr, err := r.failure()
			return nil, addr, err
		default:
			err = r.task.park(waitDial)
		}
		if err != nil { // cancelled
			return nil, r.oldest(), err
		}
	}
}

// collect takes what has come since the last time: answers, and the timer.
//
// Order: IPv6 first, so that of two answers in one turn the IPv4 one is not late.
func (r *race) collect() {
	for f, k := range r.lookups {
		if k == nil || !k.job.workers.isDone(k.job) {
			continue
		}
		r.lookups[f] = nil
		r.waiting[f], r.failures[f] = k.answer(r.task, r.to.port)
		switch {
		case len(r.attempts) == 0:
			r.firstAnswer(family(f))
		case r.dialer.AttemptDelay < 0 && !r.due:
			r.share() // the attempt under way is not alone any more
		}
	}
	if r.elapsed {
		r.elapsed, r.due = false, true
		if r.dialer.AttemptDelay < 0 {
			r.giveUp()
		}
	}
}

// firstAnswer decides, before the first attempt, whether it waits for the other
// answer.
func (r *race) firstAnswer(f family) {
	switch {
	case f == ipv6 || r.lookups[ipv6] == nil:
		r.due = true
	case len(r.waiting[f]) > 0:
		r.timer.Reset(resolutionDelay)
	}
}

// left counts the addresses that have not been tried.
func (r *race) left() int { return len(r.waiting[ipv6]) + len(r.waiting[ipv4]) }

// over reports whether nothing can come any more.
func (r *race) over() bool {
	for _, a := range r.attempts {
		if a.conn != nil {
			return false
		}
	}
	return r.left() == 0 && r.lookups == [2]*lookup{}
}

// start begins the next attempt: with the other family than the last one, if it has
// an address.
func (r *race) start() {
	if len(r.waiting[r.turn]) == 0 {
		r.turn = 1 - r.turn
	}
	a := &attempt{race: r, to: r.waiting[r.turn][0]}
	r.waiting[r.turn] = r.waiting[r.turn][1:]
	r.turn = 1 - r.turn
	r.attempts = append(r.attempts, a)
	conn, err := r.task.loop().startConnect(a.to, r.dialer.Options)
	if err != nil {
		a.err = err // due as before
		return
	}
	a.conn = conn
	a.await()
	if a.conn == nil {
		return
	}
	r.due = false
	r.share()
}

// share sets the timer for the end of the time in which nothing else begins.
func (r *race) share() {
	r.timer.Stop()
	r.elapsed = false // or what it said of the time before would count for this one
	if pause := r.pause(); pause > 0 {
		r.timer.Reset(pause)
	}
}

// pause is how long the attempt that has begun is alone with those before it; 0: for
// as long as it takes.
func (r *race) pause() time.Duration {
	pause := r.dialer.AttemptDelay
	if pause == 0 {
		pause = defaultAttemptDelay
	}
	l := r.task.loop()
	end, ok := r.task.scope.Deadline()
	if !ok {
		return max(pause, 0)
	}
	share := (l.place(end) - l.reactor.Now()) / time.Duration(r.left()+1)
	switch {
	case pause > 0:
		return min(pause, max(share, leastAttemptDelay))
	case r.left() > 0:
		return max(share, leastShare)
	}
	return 0
}

// winner is the first attempt that has connected, no longer one of the race's; or
// nil. Those that have failed make the next one due.
func (r *race) winner() *Conn {
	for _, a := range r.attempts {
		if !a.ready {
			continue
		}
		a.ready = false
		err := a.err
		if err == nil {
			err = a.conn.connectResult()
		}
		switch err {
		case nil:
			c := a.conn
			a.conn = nil
			return c
		case poller.ErrWouldBlock:
			a.await()
		default:
			a.fail(err)
		}
	}
	return nil
}

// giveUp ends the attempt whose share of the time has passed.
func (r *race) giveUp() {
	for _, a := range r.attempts {
		if a.conn != nil && !a.ready {
			a.fail(os.ErrDeadlineExceeded)
		}
	}
}

// oldest is the address of the first attempt that is under way.
func (r *race) oldest() poller.Addr {
	for _, a := range r.attempts {
		if a.conn != nil {
			return a.to
		}
	}
	return poller.Addr{}
}

// failure is the error of a race that nobody has won: of the first attempt, or, if
// there was nothing to try, of the lookup that did not just say so.
func (r *race) failure() (poller.Addr, error) {
	if len(r.attempts) > 0 {
		return r.attempts[0].to, r.attempts[0].err
	}
	var none error = &net.DNSError{Err: "no suitable address", Name: r.to.host, IsNotFound: true}
	for _, err := range r.failures {
		var unknown *net.DNSError
		switch {
		case err == nil:
		case !errors.As(err, &unknown) || !unknown.IsNotFound:
			return poller.Addr{}, err
		default:
			none = err
		}
	}
	return poller.Addr{}, none
}

// end leaves nothing behind: attempts, lookups, the timer.
func (r *race) end() {
	r.timer.Stop()
	for _, a := range r.attempts {
		if a.conn != nil {
			a.fail(net.ErrClosed)
		}
	}
	for _, k := range r.lookups {
		if k != nil {
			k.job.end()
		}
	}
}

// raceTimer is a race as what its timer runs.
type raceTimer race

func (r *raceTimer) Run() {
	r.elapsed = true
	r.task.wake(nil)
}
