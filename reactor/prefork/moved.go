package prefork

import (
	"encoding/binary"
	"fmt"
)

// moved is what travels with a connection from one process to another, in the body
// of its frame: the state that its handler had, and the bytes that were received
// and are not consumed yet.
//
//	0         4
//	| state   | state ... | received ...
//	| bytes   |
type moved struct {
	state, received []byte
}

// movedOverhead is what the form costs.
const movedOverhead = 4

func appendMoved(b []byte, v moved) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(v.state)))
	b = append(b, v.state...)
	return append(b, v.received...)
}

func parseMoved(b []byte) (moved, error) {
	if len(b) < 4 {
		return moved{}, fmt.Errorf("%w: a connection without its state", errFrame)
	}
	n := int64(binary.BigEndian.Uint32(b))
	if b = b[4:]; n > int64(len(b)) {
		return moved{}, fmt.Errorf("%w: %d bytes of state in %d", errFrame, n, len(b))
	}
	v := moved{state: b[:n], received: b[n:]}
	if len(v.received) == 0 {
		v.received = nil
	}
	return v, nil
}
