package load

import (
	"context"
	"errors"
	"fmt"

	"github.com/weft-go/weft/poller"
)

// dialsAtOnce bounds the connections that are being set up at a time.
//
// Bound: well below the backlog of any listener (128 on old systems), so that
// no SYN is dropped and repeated a second later.
const dialsAtOnce = 100

// Dial opens n more connections. If some fail, the rest is tried all the same,
// and the error tells how many, and why the first one did. Other errors:
// ErrStalled, ctx.Err().
func (g *Generator) Dial(ctx context.Context, n int) error {
	defer context.AfterFunc(ctx, func() { _ = g.os.Wake() })()
	d := dialer{g: g, missing: n}
	for d.missing > 0 || d.underWay > 0 {
		d.begin()
		if d.underWay == 0 {
			continue
		}
		ready, err := g.wait(ctx)
		if err != nil {
			return err
		}
		for _, e := range g.events[:ready] {
			if err := d.handle(int(e.Token.Slot()), e.Ready); err != nil {
				return err
			}
		}
	}
	if d.failed > 0 {
		return fmt.Errorf("%d of %d connections failed: %w", d.failed, n, d.reason)
	}
	return nil
}

// dialer is one Dial under way.
type dialer struct {
	g                         *Generator
	missing, underWay, failed int
	reason                    error // of the first failure
}

// begin starts as many connects as the bound allows.
func (d *dialer) begin() {
	g := d.g
	for d.missing > 0 && d.underWay < dialsAtOnce {
		d.missing--
		fd, err := g.os.Connect(g.server, poller.SocketOptions{})
		if err != nil {
			d.fail(err)
			continue
		}
		i := len(g.conns)
		if err := g.os.Add(fd, poller.NewToken(uint32(i), 0)); err != nil {
			d.fail(errors.Join(err, g.os.CloseFD(fd)))
			continue
		}
		g.conns = append(g.conns, conn{fd: fd, at: g.payload.first(i)})
		d.underWay++
	}
}

// handle serves an event while connections are being set up. Those that are
// have nothing to say yet: bytes and ends are errors.
func (d *dialer) handle(i int, ready poller.Readiness) error {
	c := &d.g.conns[i]
	switch c.state {
	case dead:
		return nil
	case dialing:
		err := d.g.os.ConnectResult(c.fd)
		if errors.Is(err, poller.ErrWouldBlock) {
			return nil
		}
		d.underWay--
		if err != nil {
			c.state = dead
			d.fail(err)
			return nil
		}
		c.state = idle
	}
	return d.g.handle(i, ready)
}

func (d *dialer) fail(err error) {
	d.failed++
	if d.reason == nil {
		d.reason = err
	}
}
