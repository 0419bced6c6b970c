package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/coro"
)

// vigil is peers that something is expected of within the same time, the one
// that has been waited for longest first. So one task, and one timer, watches
// over all of them, and to have heard of one is to move it to the end.
//
//	open   --- silent for pingAfter ---> ping
//	  ^                                   |
//	  | a frame                           v
//	  '------------------------------- owing --- answerWithin ---> end
//
// Bound: 32 bytes of each peer, and no timer of its own.
type vigil struct {
	patience    time.Duration
	over        func(ctx context.Context, p *peer) error // must not wait
	start       time.Time
	first, last *peer
}

func newVigil(patience time.Duration, over func(ctx context.Context, p *peer) error) *vigil {
	return &vigil{patience: patience, over: over, start: time.Now()}
}

// now is the vigil's clock, of 8 bytes where a time.Time has 24.
func (v *vigil) now() time.Duration { return time.Since(v.start) }

// watched is a peer's place in a vigil.
type watched struct {
	by         *vigil
	next, prev *peer
	until      time.Duration // on the vigil's clock
}

// expect begins to wait for p, in this vigil and no other.
func (v *vigil) expect(p *peer) {
	p.unwatch()
	p.watched = watched{by: v, prev: v.last, until: v.now() + v.patience}
	if v.last != nil {
		v.last.watched.next = p
	} else {
		v.first = p
	}
	v.last = p
}

// unwatch takes p out of the vigil it is in, if it is in one.
func (p *peer) unwatch() {
	w := p.watched
	if w.by == nil {
		return
	}
	if w.prev != nil {
		w.prev.watched.next = w.next
	} else {
		w.by.first = w.next
	}
	if w.next != nil {
		w.next.watched.prev = w.prev
	} else {
		w.by.last = w.prev
	}
	p.watched = watched{}
}

// all are the peers of the vigil.
func (v *vigil) all() (peers []*peer) {
	for p := v.first; p != nil; p = p.watched.next {
		peers = append(peers, p)
	}
	return peers
}

// keep is the task of the vigil.
func (v *vigil) keep(ctx context.Context) error {
	for {
		wait := v.patience // who comes now is not due before
		if v.first != nil {
			wait = v.first.watched.until - v.now()
		}
		if wait > 0 {
			if err := coro.Sleep(ctx, wait); err != nil {
				return err
			}
			continue
		}
		p := v.first
		p.unwatch()
		if err := v.over(ctx, p); err != nil {
			return err
		}
		// The task that over has started runs now, and leaves its stack for the
		// next: a thousand pings that are due at once have one among them.
		if err := coro.Yield(ctx); err != nil {
			return err
		}
	}
}
