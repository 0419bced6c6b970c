package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/weft-go/weft/coro"
)

// desk is what it takes to receive: a handler has one while it runs, and an idle
// connection none. So nothing of the next message may be left in it when the
// handler returns.
type desk struct {
	limit   io.LimitedReader // what in reads from; for the handshake's limit
	in      *bufio.Reader
	frames  wsutil.Reader
	message bytes.Buffer
}

const (
	// bufferBytes is what is read at a time.
	//
	// Bound: a frame of 4 KB and its head come with one system call.
	bufferBytes = 4<<10 + ws.MaxHeaderSize

	// keptBytes is the room for a message that a desk keeps for the next one.
	//
	// Bound: with keptDesks, 4 MiB that nobody uses at the moment.
	keptBytes = 64 << 10
	keptDesks = 64
)

func (s *server) takeDesk(conn *coro.Conn) *desk {
	var d *desk
	if last := len(s.desks) - 1; last >= 0 {
		d, s.desks = s.desks[last], s.desks[:last]
	} else {
		d = &desk{}
		d.in = bufio.NewReaderSize(&d.limit, bufferBytes)
	}
	d.limit = io.LimitedReader{R: conn, N: noLimit}
	d.in.Reset(&d.limit)
	return d
}

func (s *server) putDesk(d *desk) {
	d.limit.R, d.frames = nil, wsutil.Reader{}
	d.message.Reset()
	if len(s.desks) < keptDesks && d.message.Cap() <= keptBytes {
		s.desks = append(s.desks, d)
	}
}

// receive serves what has come, and returns nil when nothing is left of it, for
// the connection to be idle. A message of which a part has come is waited for.
func (p *peer) receive(ctx context.Context, d *desk) error {
	d.frames = wsutil.Reader{
		Source:         d.in,
		State:          ws.StateServerSide,
		MaxMessageSize: p.app.limit(),
		OnIntermediate: func(h ws.Header, payload io.Reader) error { return p.control(ctx, h, payload) },
	}
	for first := true; first || d.in.Buffered() > 0; first = false {
		err := error(errClosing)
		if p.state < peerClosing {
			err = p.receiveOne(ctx, d)
		}
		if r, wrong := refused(err); wrong {
			if err := p.hangUp(ctx, r.code, r.reason); err != nil {
				return err
			}
		}
		if p.state == peerClosing {
			return errors.Join(err, discard(d.in), errLeft)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// receiveOne receives a message, or a control frame.
func (p *peer) receiveOne(ctx context.Context, d *desk) error {
	h, err := d.frames.NextFrame()
	if err != nil {
		return err
	}
	p.heard() // and not before: that there is something to read was a hint
	if h.OpCode.IsControl() {
		return p.control(ctx, h, &d.frames)
	}
	d.message.Reset()
	if _, err := d.message.ReadFrom(&d.frames); err != nil {
		return err
	}
	payload := d.message.Bytes()
	// Not by the library's CheckUTF8, which looks at byte after byte: 3 to 100 times
	// as long, 10 ms for 1 MiB, in which nobody else is served.
	if h.OpCode == ws.OpText && !utf8.Valid(payload) {
		return refusal{ws.StatusInvalidFramePayloadData, "text that is not UTF-8"}
	}
	return p.app.message(ctx, p, h.OpCode, payload)
}

// control answers a control frame, also one between the fragments of a message.
func (p *peer) control(ctx context.Context, h ws.Header, from io.Reader) error {
	p.heard()
	payload := make([]byte, h.Length) // at most 125 bytes: NextFrame has looked
	if _, err := io.ReadFull(from, payload); err != nil {
		return err
	}
	switch h.OpCode {
	case ws.OpPing:
		return p.send(ctx, ws.NewPongFrame(payload))
	case ws.OpClose:
		return p.closed(ctx, payload)
	}
	return nil // a pong: that it was heard is all
}

// closed answers the peer's close with the same code.
func (p *peer) closed(ctx context.Context, payload []byte) error {
	if err := checkClose(payload); err != nil {
		return err
	}
	if err := p.send(ctx, ws.NewCloseFrame(payload[:min(len(payload), 2)])); err != nil {
		return err
	}
	return errLeft
}

// checkClose tells what is wrong with the payload of a close: a code, and a reason
// in UTF-8, or nothing at all. The codes are those that RFC 6455, section 7.4, and
// IANA's register allow in a frame.
func checkClose(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	if len(payload) == 1 {
		return refusal{ws.StatusProtocolError, "half a close code"}
	}
	switch code := binary.BigEndian.Uint16(payload); {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
	default:
		return refusal{ws.StatusProtocolError, "a close code that is not for frames"}
	}
	if !utf8.Valid(payload[2:]) {
		return refusal{ws.StatusInvalidFramePayloadData, "a reason that is not UTF-8"}
	}
	return nil
}

// refused reports whether err is about what the peer has sent, and what to tell
// it.
func refused(err error) (r refusal, wrong bool) {
	var protocol ws.ProtocolError
	switch {
	case errors.As(err, &r):
		return r, true
	case errors.As(err, &protocol), errors.Is(err, ws.ErrHeaderLengthMSB):
		return refusal{ws.StatusProtocolError, err.Error()}, true
	case errors.Is(err, wsutil.ErrMessageTooLarge):
		return refusal{ws.StatusMessageTooBig, "the message is too long"}, true
	}
	return refusal{}, false
}
