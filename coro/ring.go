package coro

// ring is a first-in first-out queue in one array, which grows as it fills: a
// channel with room for a thousand values that holds two is small. The zero value
// is empty. Who bounds it, is its owner.
type ring[T any] struct {
	slots []T
	head  int // index of the oldest
	len   int
}

// firstSlots is the length of the first array.
const firstSlots = 8

func (r *ring[T]) push(v T, limit int) {
	if r.len == len(r.slots) {
		r.grow(limit)
	}
	at := r.head + r.len
	if at >= len(r.slots) {
		at -= len(r.slots)
	}
	r.slots[at] = v
	r.len++
}

// pop takes the oldest of at least one.
func (r *ring[T]) pop() T {
	var none T
	v := r.slots[r.head]
	r.slots[r.head] = none // what has been taken is not kept alive
	if r.head++; r.head == len(r.slots) {
		r.head = 0
	}
	r.len--
	return v
}

func (r *ring[T]) grow(limit int) {
	bigger := make([]T, min(max(firstSlots, 2*len(r.slots)), limit))
	n := copy(bigger, r.slots[r.head:])
	copy(bigger[n:], r.slots[:r.head])
	r.slots, r.head = bigger, 0
}
