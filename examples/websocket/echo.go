package main

import (
	"context"

	"github.com/gobwas/ws"
)

// maxMessage is how long a message for the echo may be, in bytes, all its
// fragments together.
//
// Bound: a handler has at most 2 MiB of buffer for it and 1 MiB of answer.
const maxMessage = 1 << 20

// echo sends every message back, whole. The next one is read when that is done:
// a client that does not read is not read from either.
type echo struct{}

func (echo) limit() int64                        { return maxMessage }
func (echo) joined(context.Context, *peer) error { return nil }
func (echo) left(context.Context)                {}

func (echo) message(ctx context.Context, p *peer, op ws.OpCode, payload []byte) error {
	return p.send(ctx, ws.NewFrame(op, true, payload))
}
