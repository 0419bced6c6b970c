package prefork

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Peer is the process at the other end of a link: for a worker its master, for the
// master one of its workers. Any goroutine may call its methods.
type Peer struct {
	// PID is its process number.
	PID int
	// Slot and Generation say which worker it is. The master has neither: -1, 0.
	Slot, Generation int

	link     *link
	handlers Handlers

	mu      sync.Mutex
	last    uint64
	waiting map[uint64]chan frame // for the reply to a request
	ended   bool

	asked chan struct{} // a place for each request that is being answered
}

// maxAsked is how many requests of one peer are answered at a time. One over it is
// refused.
//
// Bound: each is a goroutine.
const maxAsked = 64

// Handlers answer what the other processes send: one function for each name. A
// message that was told and not asked has no use for the answer. The functions run
// on goroutines of their own, and their ctx ends with the link. Use Handle to add one.
type Handlers map[string]func(ctx context.Context, from *Peer, body []byte) (answer []byte, err error)

// Handle adds a function for the messages and requests of a name. Q and A travel as
// JSON.
func Handle[Q, A any](h Handlers, name string, fn func(ctx context.Context, from *Peer, q Q) (A, error)) {
	h[name] = func(ctx context.Context, from *Peer, body []byte) ([]byte, error) {
		var q Q
		if err := json.Unmarshal(body, &q); err != nil {
			return nil, err
		}
		a, err := fn(ctx, from, q)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	}
}

// RemoteError is what a handler of the other process returned, or why there was
// none.
type RemoteError struct{ Text string }

func (e *RemoteError) Error() string { return "prefork: the other process says: " + e.Text }

// Tell sends a message and does not wait. Errors: ErrMessageSize, ErrLinkBusy,
// net.ErrClosed where the process has ended, and those of JSON.
func (p *Peer) Tell(name string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.link.send(frame{kind: frameTell, name: name, body: body, fd: noFD})
}

// Ask sends a request and waits for the answer, which is stored in answer unless
// that is nil. Errors: those of Tell, ctx's cause, *RemoteError.
func (p *Peer) Ask(ctx context.Context, name string, q, answer any) error {
	body, err := json.Marshal(q)
	if err != nil {
		return err
	}
	id, reply := p.expect()
	defer p.forget(id)
	if err := p.link.sendWaiting(frame{kind: frameAsk, id: id, name: name, body: body, fd: noFD}, ctx.Done()); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return err
	}
	select {
	case f, ok := <-reply:
		switch {
		case !ok:
			return net.ErrClosed
		case f.kind == frameRefused:
			return &RemoteError{string(f.body)}
		case answer == nil:
			return nil
		}
		return json.Unmarshal(f.body, answer)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func newPeer(l *link, h Handlers) *Peer {
	return &Peer{link: l, handlers: h, Slot: -1, waiting: make(map[uint64]chan frame), asked: make(chan struct{}, maxAsked)}
}

func (p *Peer) expect() (uint64, chan frame) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	reply := make(chan frame, 1)
	if p.ended {
		close(reply)
	} else {
		p.waiting[p.last] = reply
	}
	return p.last, reply
}

func (p *Peer) forget(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waiting, id)
}

// end tells everybody who waits for a reply that none will come.
func (p *Peer) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for id, reply := range p.waiting {
		close(reply)
		delete(p.waiting, id)
	}
}

// receive handles the application's frames and reports whether f is one. It is
// called by the link's reader.
func (p *Peer) receive(f frame) bool {
	switch f.kind {
	case frameReply, frameRefused:
		p.mu.Lock()
		defer p.mu.Unlock()
		if reply := p.waiting[f.id]; reply != nil {
			delete(p.waiting, f.id)
			reply <- f // it has room for one
		}
	case frameTell, frameAsk:
		p.serve(f)
	default:
		return false
	}
	return true
}

// serve calls the handler for f.
func (p *Peer) serve(f frame) {
	handler := p.handlers[f.name]
	if handler == nil {
		p.answer(f, nil, fmt.Errorf("there is no handler for %q", f.name))
		return
	}
	select {
	case p.asked <- struct{}{}:
	default:
		p.answer(f, nil, errors.New("too many requests are being answered"))
		return
	}
	p.link.goroutines.Go(func() {
		defer func() { <-p.asked }()
		answer, err := call(p.link.ctx, handler, p, f.body)
		p.answer(f, answer, err)
	})
}

// call calls a handler; a panic is its error.
func call(ctx context.Context, handler func(context.Context, *Peer, []byte) ([]byte, error), p *Peer, body []byte) (answer []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in the handler: %v", v)
		}
	}()
	return handler(ctx, p, body)
}

// answer sends the reply to a request.
func (p *Peer) answer(f frame, answer []byte, err error) {
	if f.kind != frameAsk {
		return
	}
	reply := frame{kind: frameReply, id: f.id, body: answer, fd: noFD}
	if err == nil {
		err = p.link.check(&reply)
	}
	if err != nil {
		reply.kind = frameRefused
		reply.body = []byte(err.Error())
		reply.body = reply.body[:min(len(reply.body), p.link.limit)]
	}
	_ = p.link.sendWaiting(reply, nil) // it fails when nobody waits any more
}
