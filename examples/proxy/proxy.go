package main

import (
	"context"
	"errors"
	"net"

	"github.com/weft-go/weft/coro"
)

// proxy is what all its tasks share.
type proxy struct {
	options
	pool     pool
	sessions []*session // those under way, in no order
	counts   counts
	say      func(line string)
}

// counts are the proxy's own; an upstream has some, too.
type counts struct {
	accepted int
	refused  int // no upstream would have them
	idle     int // nothing moved for too long
	broken   int // a side was reset, or cut off
}

func newProxy(o options, say func(line string)) *proxy {
	p := &proxy{options: o, say: say}
	for _, addr := range o.upstreams {
		p.pool.upstreams = append(p.pool.upstreams, &upstream{addr: addr, checks: o.checks, say: say})
	}
	return p
}

// serve accepts from ln until that is closed and the last session has ended, or
// until ctx ends.
func (p *proxy) serve(ctx context.Context, ln net.Listener) error {
	return coro.WithScope(ctx, func(s *coro.Scope) error {
		if p.checks.interval > 0 {
			for _, u := range p.pool.upstreams {
				if err := s.Daemon(u.watch); err != nil {
					return err
				}
			}
		}
		if p.idleTimeout > 0 {
			if err := s.Daemon(p.sweep); err != nil {
				return err
			}
		}
		return coro.ServeConfig{MaxConns: p.maxConns}.Serve(ctx, ln, p.handle)
	})
}

// handle is the task of one client.
func (p *proxy) handle(ctx context.Context, c net.Conn) error {
	p.counts.accepted++
	client := c.(*coro.Conn)
	u, server, err := p.connect(ctx)
	if err != nil {
		p.counts.refused++
		return abort(client)
	}
	return p.relay(ctx, u, client, server)
}

var errNoUpstream = errors.New("no upstream answers")

// connect gives a connection to the next upstream that answers. The client waits
// meanwhile; what it sends stays in the kernel.
func (p *proxy) connect(ctx context.Context) (*upstream, *coro.Conn, error) {
	dialer := coro.Dialer{Timeout: p.connectTimeout}
	for u := range p.pool.inTurn() {
		c, err := dialer.Dial(ctx, "tcp", u.addr)
		if err == nil {
			u.succeeded()
			u.connections++
			return u, c, nil
		}
		if ctx.Err() != nil {
			return nil, nil, err // ours, and not the upstream's
		}
		u.failures++
		u.failed(err)
	}
	return nil, nil, errNoUpstream
}

// abort closes a connection by a reset. A FIN would say that what the peer has got is
// all there is.
func abort(c *coro.Conn) error {
	return errors.Join(c.SetLinger(0), c.Close())
}
