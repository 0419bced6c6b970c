package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/coro"
)

// checks is how upstreams are looked after.
type checks struct {
	interval time.Duration // between two checks; 0 is none at all
	timeout  time.Duration // for the connect
	fall     int           // failures in a row that take one down
	rise     int           // checks in a row that bring it up
}

// watch is the task that checks one upstream: it connects, and closes.
func (u *upstream) watch(ctx context.Context) error {
	dialer := coro.Dialer{Timeout: u.checks.timeout}
	for {
		c, err := dialer.Dial(ctx, "tcp", u.addr)
		switch {
		case err == nil:
			_ = c.Close() // nothing was said
			u.succeeded()
		case ctx.Err() != nil:
			return err
		default:
			u.failed(err)
		}
		if err := coro.Sleep(ctx, u.checks.interval); err != nil {
			return err
		}
	}
}
