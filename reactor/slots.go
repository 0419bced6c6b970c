package reactor

import "github.com/weft-go/weft/poller"

// slots is the table from an event's token to its source.
//
// Invariant: a token is given out once. A slot is used again, with the next
// generation, so an event that outlived its descriptor finds either an empty
// slot or a source with another token.
type slots struct {
	sources     []*Source
	generations []uint32
	free        []uint32
	used        int
}

func (t *slots) reserve(s *Source) poller.Token {
	var slot uint32
	if n := len(t.free); n > 0 {
		slot, t.free = t.free[n-1], t.free[:n-1]
	} else {
		slot = uint32(len(t.sources))
		t.sources = append(t.sources, nil)
		t.generations = append(t.generations, 0)
	}
	t.sources[slot] = s
	t.used++
	return poller.NewToken(slot, t.generations[slot])
}

func (t *slots) release(token poller.Token) {
	slot := token.Slot()
	t.sources[slot] = nil
	t.generations[slot]++
	t.free = append(t.free, slot)
	t.used--
}

// find is the source of an event, nil when that source is gone.
func (t *slots) find(token poller.Token) *Source {
	slot := token.Slot()
	if uint64(slot) >= uint64(len(t.sources)) {
		return nil
	}
	// The source's own token is compared, not the slot's generation: the
	// source is touched next anyway, the other table would be one more line
	// of cache per event.
	if s := t.sources[slot]; s != nil && s.token == token {
		return s
	}
	return nil
}
