package reactor

// ring is a first-in first-out queue in one growing array, a power of two
// long. The zero value is empty.
type ring[T any] struct {
	buf  []T
	head int // index of the oldest
	len  int
}

// ringKeep is the length up to which an empty ring keeps its array.
//
// Bound: a burst (a million posts) must not be paid for ever after.
const ringKeep = 4096

func (r *ring[T]) push(v T) {
	if r.len == len(r.buf) {
		r.grow()
	}
	r.buf[(r.head+r.len)&(len(r.buf)-1)] = v
	r.len++
}

// pop takes the oldest out of a ring that is not empty.
func (r *ring[T]) pop() (v T) {
	var zero T
	v, r.buf[r.head] = r.buf[r.head], zero
	r.head = (r.head + 1) & (len(r.buf) - 1)
	r.len--
	if r.len == 0 && len(r.buf) > ringKeep {
		*r = ring[T]{}
	}
	return v
}

func (r *ring[T]) grow() {
	bigger := make([]T, max(16, 2*len(r.buf)))
	n := copy(bigger, r.buf[r.head:])
	copy(bigger[n:], r.buf[:r.head])
	r.buf, r.head = bigger, 0
}
