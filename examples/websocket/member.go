package main

import (
	"context"
	"errors"

	"github.com/gobwas/ws"

	"github.com/weft-go/weft/coro"
)

// maxWrite is how many bytes of news are collected before they are written.
//
// Bound: the buffer of a task that tells, which ends when there is no news.
const maxWrite = 16 << 10

// member is a peer in the room. While there is no news for it, it has no task.
type member struct {
	room    *room
	name    string
	peer    *peer
	telling bool // its task runs, or is about to

	greeting [][]byte // frames that only it is sent, before the news
	news     *coro.Subscription[[]byte]
	next     coro.Case // receives from news into frame
	frame    []byte
}

func (m *member) limit() int64 { return maxText }

func (m *member) joined(ctx context.Context, p *peer) error {
	m.peer = p
	err := m.room.enter(ctx, m)
	if r, wrong := refused(err); wrong {
		// Not by refusing the handshake: browsers tell no page why that failed.
		if err := p.hangUp(ctx, r.code, r.reason); err != nil {
			return err
		}
		return errors.Join(discard(p.conn), errLeft)
	}
	return err
}

// begin gives the member its place in the news.
func (m *member) begin(news *coro.Subscription[[]byte], greeting [][]byte) {
	m.news, m.greeting = news, greeting
	m.next = news.RecvCase(&m.frame)
}

func (m *member) message(ctx context.Context, _ *peer, op ws.OpCode, payload []byte) error {
	if op != ws.OpText {
		return refusal{ws.StatusUnsupportedData, "the room is for text"}
	}
	return m.room.say(ctx, m, string(payload))
}

func (m *member) left(ctx context.Context) {
	if m.news == nil {
		return // was never in the room
	}
	_ = m.news.Close()
	// An error is the end of the whole server.
	_ = m.room.leave(ctx, m)
}

// tell is the task that writes the news to the member, until there is none left.
// Many that have come are one write.
func (m *member) tell(ctx context.Context) error {
	defer func() { m.telling, m.frame = false, nil }()
	var frames []byte
	for {
		frames = frames[:0]
		for len(frames) < maxWrite {
			frame, err := m.take(ctx)
			if err != nil {
				return alone(ctx, err)
			}
			if frame == nil {
				break
			}
			frames = append(frames, frame...)
		}
		if len(frames) == 0 {
			return nil
		}
		if err := m.peer.write(ctx, frames); err != nil {
			return alone(ctx, err)
		}
	}
}

// take gives the next frame for the member, or nil if there is none now.
func (m *member) take(ctx context.Context) ([]byte, error) {
	if len(m.greeting) > 0 {
		frame := m.greeting[0]
		if m.greeting = m.greeting[1:]; len(m.greeting) == 0 {
			m.greeting = nil // and let go of what it was
		}
		return frame, nil
	}
	chosen, err := coro.TrySelect(ctx, m.next)
	var lagged *coro.LaggedError
	switch {
	case errors.As(err, &lagged):
		return event{Kind: "lagged", Lost: lagged.Lost}.frame()
	case err != nil || chosen < 0:
		return nil, err
	}
	return m.frame, nil
}
