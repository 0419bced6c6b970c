package load

// Messages to a server with the workload slow begin with two bytes that say what
// work is asked for. They are not stored anywhere: which batch asks for what
// follows from its number, when it is sent and when it is checked.

// content is the k-th batch of a connection. Of a group with a Work it is in a
// buffer that the next call overwrites.
func (e *Engine) content(c *conn, k uint64) []byte {
	g := c.group
	batch := e.payload.batch(c.number, k, g.bytes)
	if g.Work == "" {
		return batch
	}
	e.composed = append(e.composed[:0], batch...)
	for m := range g.Depth {
		work, ms := g.work(e.spec.Seed, c.number, k, m)
		e.composed[m*g.Size], e.composed[m*g.Size+1] = work, ms
	}
	return e.composed
}

// slow reports whether any message of a batch asks for work.
func (g *group) slow(seed uint64, number int, k uint64) bool {
	if g.SlowShare == 0 {
		return false
	}
	for m := range g.Depth {
		if work, _ := g.work(seed, number, k, m); work != SlowNothing {
			return true
		}
	}
	return false
}

// work is what message m of a batch asks for.
func (g *group) work(seed uint64, number int, k uint64, m int) (work, ms byte) {
	if g.SlowShare == 0 {
		return SlowNothing, 0
	}
	chance := mix(mix(mix(seed^uint64(number))^k) ^ uint64(m))
	const unit = 1 << 32
	if float64(chance%unit) >= g.SlowShare*unit {
		return SlowNothing, 0
	}
	least, most := g.SlowLeast.Milliseconds(), g.SlowMost.Milliseconds()
	ms = byte(least + int64(chance>>32)%(most-least+1))
	if g.Work == CPU {
		return SlowCPU, ms
	}
	return SlowBlocking, ms
}

// mix spreads a number over 64 bits: the finisher of SplitMix64 (Steele, Lea,
// Flood, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
