package reactor

// chunkSize is the size of a unit of output memory, its header included.
//
// Bound: a connection with one unsent byte holds this much; one page, so that
// 10 000 such connections hold 40 MiB.
const chunkSize = 4096

// chunk is a unit of output memory in a connection's queue.
type chunk struct {
	next *chunk
	r, w int // data[r:w] waits to be written
	data [chunkSize - 24]byte
}

// chunkPool keeps unused chunks. The last one used is the first one taken, so
// the chunk that gathers a turn's answers is warm in the cache.
type chunkPool struct {
	first *chunk
	len   int
	limit int
}

func (p *chunkPool) take() *chunk {
	k := p.first
	if k == nil {
		return new(chunk)
	}
	p.first = k.next
	p.len--
	k.next, k.r, k.w = nil, 0, 0
	return k
}

func (p *chunkPool) give(k *chunk) {
	if p.len < p.limit {
		k.next = p.first
		p.first = k
		p.len++
	}
}

// outbound is the queue of a connection's unsent bytes.
//
//	      written by the kernel        Write appends
//	              |                         |
//	head --> [..#####] --> [########] --> [###.....] <-- tail
//	            r   w
type outbound struct {
	head, tail *chunk
	size       int // bytes in the queue
}

func (o *outbound) append(p []byte, pool *chunkPool) {
	o.size += len(p)
	for len(p) > 0 {
		if o.tail == nil {
			o.tail = pool.take()
			o.head = o.tail
		} else if o.tail.w == len(o.tail.data) {
			o.tail.next = pool.take()
			o.tail = o.tail.next
		}
		n := copy(o.tail.data[o.tail.w:], p)
		o.tail.w += n
		p = p[n:]
	}
}

// drop removes the first n bytes.
func (o *outbound) drop(n int, pool *chunkPool) {
	o.size -= n
	for n > 0 || o.head != nil && o.head.r == o.head.w {
		k := o.head
		m := min(n, k.w-k.r)
		k.r += m
		n -= m
		if k.r == k.w {
			o.head = k.next
			if o.head == nil {
				o.tail = nil
			}
			pool.give(k)
		}
	}
}

// slices appends the queue's first bytes, as many slices as v has room for.
func (o *outbound) slices(v [][]byte) [][]byte {
	for k := o.head; k != nil && len(v) < cap(v); k = k.next {
		v = append(v, k.data[k.r:k.w])
	}
	return v
}
