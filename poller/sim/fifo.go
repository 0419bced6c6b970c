package sim

// fifo is a queue of bytes.
type fifo struct {
	bytes []byte
	first int
}

func (q *fifo) len() int { return len(q.bytes) - q.first }

// push copies p behind what is there.
func (q *fifo) push(p []byte) {
	if q.first > 0 && len(q.bytes)+len(p) > cap(q.bytes) {
		q.bytes = q.bytes[:copy(q.bytes, q.bytes[q.first:])]
		q.first = 0
	}
	q.bytes = append(q.bytes, p...)
}

// peek copies the first bytes into p and leaves them.
func (q *fifo) peek(p []byte) int { return copy(p, q.bytes[q.first:]) }

// drop takes the first n bytes away.
func (q *fifo) drop(n int) {
	q.first += n
	if q.first < len(q.bytes) {
		return
	}
	q.first = 0
	if cap(q.bytes) > mostIdleBytes {
		q.bytes = nil
	}
	q.bytes = q.bytes[:0]
}

// cut takes n bytes out, behind the first ones.
func (q *fifo) cut(first, n int) {
	at := q.first + first
	q.bytes = q.bytes[:at+copy(q.bytes[at:], q.bytes[at+n:])]
}

// truncate keeps only the first n bytes.
func (q *fifo) truncate(n int) { q.bytes = q.bytes[:q.first+n] }

// mostIdleBytes is the memory an empty queue keeps.
//
// Bound: an idle connection of a big simulation costs no more than that.
const mostIdleBytes = 4 << 10
