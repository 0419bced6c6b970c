package main

import (
	"context"
	"errors"
	"io"
	"math"
	"time"

	"github.com/weft-go/weft/coro"
)

// session is one connection through the proxy.
//
//	           up: client's FIN is passed on
//	client ------------------------------------> server
//	       <------------------------------------
//	           down: server's FIN is passed on
//
//	both have ended                      the two are closed
//	one fails, nothing moves, the drain  the two are reset
//
// A FIN ends one flow: a client that has sent its question may shut that side down
// and wait for the answer. Everything else ends both, since what follows would be
// taken for whole.
type session struct {
	upstream *upstream
	up, down flow
	scope    *coro.Scope
	place    int // in proxy.sessions

	seen  int64     // bytes that had moved when the sweep came by
	since time.Time // since when they were as many
}

// flow is one direction.
type flow struct {
	to   *coro.Conn
	part io.LimitedReader // of all there will ever be
}

func newFlow(to, from *coro.Conn) flow {
	return flow{to: to, part: io.LimitedReader{R: from, N: math.MaxInt64}}
}

// moved is how many bytes have been taken from one side for the other so far. The
// copy counts them down as it goes, also those that move inside the kernel.
func (f *flow) moved() int64 { return math.MaxInt64 - f.part.N }

// run copies up to the end, and passes that on. Nothing is read before what was read
// last has been written: so a receiver that is slow, or never reads, slows the sender
// down by TCP's own means, and the proxy holds one buffer or pipe of its bytes.
func (f *flow) run(context.Context) error {
	if _, err := io.Copy(f.to, &f.part); err != nil {
		return err
	}
	return f.to.CloseWrite()
}

var errIdle = errors.New("nothing has moved for too long")

// relay is the life of a session. It ends both connections.
func (p *proxy) relay(ctx context.Context, u *upstream, client, server *coro.Conn) error {
	n := &session{upstream: u, up: newFlow(server, client), down: newFlow(client, server), since: time.Now()}
	u.active++
	err := coro.WithScope(ctx, func(s *coro.Scope) error {
		n.scope = s
		p.add(n)
		if err := s.Go(n.down.run); err != nil {
			return err
		}
		return n.up.run(ctx)
	})
	if n.scope != nil { // or it was cancelled before it began
		p.remove(n)
	}
	u.active--
	u.sent += n.up.moved()
	u.received += n.down.moved()
	switch {
	case err == nil:
		return errors.Join(client.Close(), server.Close())
	case errors.Is(err, errIdle):
		p.counts.idle++
	default:
		p.counts.broken++
	}
	return errors.Join(abort(client), abort(server))
}

// add and remove keep the list of sessions: by their places, so that thousands cost
// nothing to look for.
func (p *proxy) add(n *session) {
	n.place = len(p.sessions)
	p.sessions = append(p.sessions, n)
}

func (p *proxy) remove(n *session) {
	last := p.sessions[len(p.sessions)-1]
	p.sessions[n.place], last.place = last, n.place
	p.sessions[len(p.sessions)-1] = nil
	p.sessions = p.sessions[:len(p.sessions)-1]
}
