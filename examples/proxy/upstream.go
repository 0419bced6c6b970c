package main

import (
	"fmt"
	"iter"
)

// upstream is one of the servers behind the proxy.
//
//	           fall failures in a row
//	up --------------------------------------> down
//	    <--------------------------------------
//	           rise checks in a row
//
// Without checks it stays up: nothing would bring it up again. Failures to connect count,
// and only those: whether what an upstream answers makes sense, a TCP proxy cannot tell.
type upstream struct {
	addr   string
	checks checks
	say    func(line string)

	state health
	run   int // successes, or failures, in a row: of what would change the state

	connections    int // that clients were given
	active         int // of those
	failures       int // connects for clients that failed
	sent, received int64
}

// health is whether an upstream is given connections.
type health uint8

const (
	up health = iota
	down
)

func (h health) String() string { return [...]string{"up", "down"}[h] }

// succeeded and failed take note of how a connect has ended, of a check or for a
// client.
func (u *upstream) succeeded() {
	if u.state == up {
		u.run = 0
		return
	}
	if u.run++; u.run >= u.checks.rise {
		u.become(up, "it answers")
	}
}

func (u *upstream) failed(err error) {
	if u.state == down {
		u.run = 0
		return
	}
	if u.run++; u.run >= u.checks.fall && u.checks.interval > 0 {
		u.become(down, err.Error())
	}
}

func (u *upstream) become(h health, why string) {
	u.state, u.run = h, 0
	u.say(fmt.Sprintf("upstream %s is %v: %s", u.addr, h, why))
}

// pool is all upstreams, in the order of the command line.
type pool struct {
	upstreams []*upstream
	next      int // whose turn it is
}

// inTurn gives those that are up, each once, beginning with the one whose turn it is.
// That one's turn passes on; going on after a failure takes nobody's turn.
func (p *pool) inTurn() iter.Seq[*upstream] {
	return func(yield func(*upstream) bool) {
		first, passed := p.next, false
		for i := range p.upstreams {
			place := (first + i) % len(p.upstreams)
			u := p.upstreams[place]
			if u.state == down {
				continue
			}
			if !passed {
				p.next, passed = (place+1)%len(p.upstreams), true
			}
			if !yield(u) {
				return
			}
		}
	}
}
