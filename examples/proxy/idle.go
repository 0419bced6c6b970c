package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/coro"
)

// sweepsPerTimeout is how often sessions are looked at while a timeout passes.
//
// Bound: one that is idle ends up to a quarter of the time late. That is what it costs
// that bytes which move set no timer.
const sweepsPerTimeout = 4

// sweep resets the sessions on which nothing has moved for the idle timeout, in
// either direction: half-closed ones too, and those whose one side does not read. What
// counts is what was taken from a side, so a receiver that needs longer than the timeout
// for one pipe of bytes, a MiB at the most, is idle too.
func (p *proxy) sweep(ctx context.Context) error {
	for {
		if err := coro.Sleep(ctx, p.idleTimeout/sweepsPerTimeout); err != nil {
			return err
		}
		now := time.Now()
		for _, n := range p.sessions {
			moved := n.up.moved() + n.down.moved()
			switch {
			case moved != n.seen:
				n.seen, n.since = moved, now
			case now.Sub(n.since) >= p.idleTimeout:
				if err := n.scope.Cancel(errIdle); err != nil {
					return err
				}
			}
		}
	}
}
