package prefork

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What goes over a link, the socket between two processes, is frames:
//
//	0       4     5     6      8              16
//	| body  | kind|flags| name | id           | name | body |
//	| bytes |     |     | bytes|              |      |      |
//
// A descriptor travels with the first byte of its frame. Both ends are this
// package, though not always of the same version: an upgrade connects an old
// master with a new one. What is not understood is passed over.

// frame is one message.
type frame struct {
	kind frameKind
	id   uint64 // connects a reply with its request
	name string // of the application's messages
	body []byte
	fd   int    // a connection that comes along; noFD for none
	lost bool   // a connection was sent, and there was no descriptor for it here
	sent func() // called when the link has done with it; nil for nothing
}

// frameKind is what a frame is about.
type frameKind uint8

const (
	frameStart   frameKind = iota + 1 // master: how you are configured
	frameReady                        // worker: I serve
	frameBeat                         // worker: my loops turn; body is a report
	frameFailed                       // worker: body is the error I am about to end with
	frameTaken                        // worker: I serve one connection and take no more
	frameDrain                        // master: take no more connections, finish those you have
	frameStop                         // master: end now
	frameConn                         // a connection; body is what was received on it, and its state
	frameTell                         // the application's message
	frameAsk                          // the application's request
	frameReply                        // its answer
	frameRefused                      // its answer is an error, of which body is the text
)

func (k frameKind) String() string {
	names := [...]string{"?", "start", "ready", "beat", "failed", "taken", "drain", "stop", "conn", "tell", "ask", "reply", "refused"}
	if int(k) < len(names) {
		return names[k]
	}
	return fmt.Sprintf("frameKind(%d)", uint8(k))
}

const (
	headerSize = 16
	noFD       = -1

	// flagConn says that a descriptor comes with the frame.
	flagConn = 1 << 0

	// maxName is the most bytes of a message's name.
	//
	// Bound: names are words of a program's own vocabulary.
	maxName = 255

	// defaultMaxMessage is the most bytes of a message's body where
	// Master.MaxMessage says nothing.
	//
	// Bound: 1 MiB is a page of status or a batch of results. A link is no way
	// to move data: it is read by one goroutine, which is also the one that sees
	// the heartbeats.
	defaultMaxMessage = 1 << 20

	// maxRights is how many descriptors one read of a link takes.
	//
	// Bound: a frame has one; two frames never come with one read, since the
	// kernel ends a read behind a descriptor.
	maxRights = 4
)

var (
	// ErrMessageSize: the message is over Master.MaxMessage, or its name over 255
	// bytes. It was not sent.
	ErrMessageSize = errors.New("prefork: message over the limit of its size")

	// ErrLinkBusy: the other process does not read fast enough, and the bounded
	// queue of messages to it is full.
	ErrLinkBusy = errors.New("prefork: too many messages wait for the other process")

	// errFrame: what came is no frame. The link is closed then.
	errFrame = errors.New("prefork: not a frame")
)

// appendFrame appends f's bytes to b.
func appendFrame(b []byte, f *frame) []byte {
	var h [headerSize]byte
	binary.BigEndian.PutUint32(h[0:], uint32(len(f.body)))
	h[4] = byte(f.kind)
	if f.fd != noFD {
		h[5] = flagConn
	}
	binary.BigEndian.PutUint16(h[6:], uint16(len(f.name)))
	binary.BigEndian.PutUint64(h[8:], f.id)
	b = append(b, h[:]...)
	b = append(b, f.name...)
	return append(b, f.body...)
}

// header is a frame's first bytes, read.
type header struct {
	frame
	conn bool
	name int
	body int
}

// parseHeader reads a header, and refuses one that announces more than the limit.
func parseHeader(b *[headerSize]byte, limit int) (header, error) {
	h := header{conn: b[5]&flagConn != 0, name: int(binary.BigEndian.Uint16(b[6:]))}
	size := binary.BigEndian.Uint32(b[0:])
	h.kind, h.id, h.fd = frameKind(b[4]), binary.BigEndian.Uint64(b[8:]), noFD
	switch {
	case h.kind == 0:
		return h, errFrame
	case h.name > maxName, uint64(size) > uint64(limit):
		return h, fmt.Errorf("%w: %d bytes", ErrMessageSize, size)
	}
	h.body = int(size)
	return h, nil
}
