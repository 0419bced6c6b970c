package main

import (
	"context"
	"errors"
	"io"

	"github.com/gobwas/ws"

	"github.com/weft-go/weft/coro"
)

// peer is a WebSocket connection. It is all that there is of one that is idle,
// besides the Conn; the rest is borrowed while a message is under way, see desk.
type peer struct {
	server  *server
	conn    *coro.Conn
	app     app
	state   peerState
	watched watched
}

// app is what is done with the messages of a peer: the echo, or a place in the
// room. An error ends the connection: a refusal with its code.
type app interface {
	// limit is how long a message may be, in bytes.
	limit() int64
	// joined is called once, before anything is received.
	joined(ctx context.Context, p *peer) error
	// message is called for each message. The payload is the callee's until it
	// returns.
	message(ctx context.Context, p *peer, op ws.OpCode, payload []byte) error
	// left is called once, at the end. It must not wait.
	left(ctx context.Context)
}

// peerState is how far a connection has got.
//
//	     pingAfter of silence
//	open --------------------> pinged
//	  | <--------------------    |
//	  |         a frame          |
//	  |                          |
//	  | its close, an error      | the same, and answerWithin
//	  |----------> ended <-------|
//	  |              ^           |
//	  |              | its end, answerWithin
//	  | our close    |           | our close
//	  '----------> closing <-----'
type peerState uint8

const (
	peerOpen   peerState = iota
	peerPinged           // owes a pong
	// From here on the peer is sent nothing, and not listened to.
	peerClosing // was sent a close
	peerEnded
)

func (s peerState) String() string {
	return [...]string{"open", "pinged", "closing", "ended"}[s]
}

var (
	// errLeft is a peer that has closed the connection, and was answered.
	errLeft = errors.New("the peer has closed the connection")

	// errClosing is a frame for a peer that was sent a close.
	errClosing = errors.New("the connection is being closed")
)

// refusal is what is wrong with what a peer sends: it is told the code and the
// reason, and the connection ends.
type refusal struct {
	code   ws.StatusCode
	reason string
}

func (r refusal) Error() string { return r.reason }

// heard takes note that something has come from the peer.
func (p *peer) heard() {
	if p.state == peerOpen || p.state == peerPinged {
		p.state = peerOpen
		p.server.open.expect(p)
	}
}

// ping sends a ping, from a task of its own: the write may have to wait.
func (p *peer) ping() error {
	p.state = peerPinged
	p.server.owing.expect(p)
	return p.server.tasks.Go(func(ctx context.Context) error {
		return alone(ctx, p.send(ctx, ws.NewPingFrame(nil)))
	})
}

// send sends a frame. Errors: errClosing, and those of Conn.Write, after which the
// peer has ended: a part of the frame may have been sent.
func (p *peer) send(ctx context.Context, f ws.Frame) error {
	frame, err := ws.CompileFrame(f)
	if err != nil {
		return err
	}
	return p.write(ctx, frame)
}

// write sends whole frames. Those of several tasks are not mixed up: it is one
// Write, and the Conn has a queue of them.
func (p *peer) write(ctx context.Context, frames []byte) error {
	if p.state >= peerClosing {
		return errClosing
	}
	return p.writeNow(ctx, frames)
}

func (p *peer) writeNow(ctx context.Context, frames []byte) error {
	// A deadline of the Conn would be every task's: the handler's end clears it.
	err := coro.Timeout(ctx, writeWithin, func(context.Context) error {
		_, err := p.conn.Write(frames)
		return err
	})
	if err != nil {
		return errors.Join(err, p.end(ctx))
	}
	return nil
}

// hangUp closes the connection from our side: a close, and the end of our
// stream. The peer answers and ends its own; whoever reads from it, the handler,
// waits for that. See discard.
func (p *peer) hangUp(ctx context.Context, code ws.StatusCode, reason string) error {
	if p.state >= peerClosing {
		return nil
	}
	p.state = peerClosing
	p.server.owing.expect(p)
	frame, err := ws.CompileFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(code, reason)))
	if err != nil {
		return err
	}
	if err := p.writeNow(ctx, frame); err != nil {
		return err
	}
	return p.conn.CloseWrite()
}

// lingerBytes is how much a peer may send that is not listened to any more.
//
// Bound: it has sent that before it has seen the close. To close the connection
// with bytes unread would be a reset, which takes the close away from it.
const lingerBytes = 4 << 20

// discard reads to the end of what the peer sends, which is no longer than
// answerWithin away.
func discard(r io.Reader) error {
	_, err := io.CopyN(io.Discard, r, lingerBytes)
	return err
}

// end ends the connection, from any task. The second call does nothing.
func (p *peer) end(ctx context.Context) error {
	if p.state == peerEnded {
		return nil
	}
	p.state = peerEnded
	p.unwatch()
	p.app.left(ctx)
	return errors.Join(p.conn.Close(), p.server.ended(ctx))
}
