package load

import (
	"encoding/binary"
	"math/rand/v2"
)

// payload is the block of random bytes that every batch is a slice of: nothing
// is generated or copied for a message, and what is expected back is the same
// slice.
type payload struct{ block []byte }

const (
	// places is how many different batches there are; a power of two.
	//
	// Bound: more than a process can have connections to one server, so that
	// no two of them start at one place, and little enough to stay in the
	// second-level cache.
	places = 1 << 16
	// connStride and batchStride lead from one connection's first place to
	// the next one's, and from one batch's place to the next's. They are odd,
	// so both ways visit every place before they come to one again.
	connStride  = 40_503 // 2^16 divided by the golden ratio
	batchStride = 12_289
)

// newPayload makes a block for batches of up to that many bytes.
func newPayload(bytes int, seed uint64) payload {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	block := make([]byte, places+bytes)
	// ChaCha8's Read never fails.
	_, _ = rand.NewChaCha8(key).Read(block)
	return payload{block: block}
}

// batch is the k-th batch of connection number, which is what is sent and what
// is expected back.
func (p payload) batch(number int, k uint64, bytes int) []byte {
	at := (uint64(number)*connStride + k*batchStride) % places
	return p.block[at:][:bytes:bytes]
}
