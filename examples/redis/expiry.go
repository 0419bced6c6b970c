package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/coro"
)

// A key whose time is over is gone for every command, since get looks at the
// clock. The task below only gives its memory back.

// expireEvery is how often that is done.
const expireEvery = 100 * time.Millisecond

// expireAtOnce is how many keys are removed before others have their turn.
//
// Bound: when a million keys end at the same moment, clients wait for this many,
// which is 50 us.
const expireAtOnce = 128

// expireKeys is the task that removes keys. While none has an end it waits, and a
// server without clients sleeps.
func (s *server) expireKeys(ctx context.Context) error {
	for {
		for len(s.keys.expiring) == 0 {
			if err := s.limited.Wait(ctx); err != nil {
				return err
			}
		}
		if err := coro.Sleep(ctx, expireEvery); err != nil {
			return err
		}
		for s.keys.expire(expireAtOnce) == expireAtOnce {
			if err := coro.Yield(ctx); err != nil {
				return err
			}
		}
	}
}

// expireAt gives a key an end, and the task something to do.
func (s *server) expireAt(ctx context.Context, i *item, end moment) {
	s.keys.expireAt(i, end)
	if len(s.keys.expiring) == 1 {
		_ = s.limited.Signal(ctx) // it fails only where there is no task either
	}
}

// expire removes up to most keys whose time is over, the oldest first, and tells
// how many there were.
func (k *keyspace) expire(most int) (n int) {
	now := k.clock.now()
	for ; n < most && len(k.expiring) > 0 && k.expiring[0].expires < now; n++ {
		k.remove(k.expiring[0])
		k.expired++
	}
	return n
}

// expireAt sets the end of an item.
func (k *keyspace) expireAt(i *item, end moment) {
	i.expires = end
	if i.place == 0 {
		k.expiring = append(k.expiring, i)
		i.place = len(k.expiring)
	}
	k.expiring.fix(i)
}

// persist takes it back, and reports whether there was one.
func (k *keyspace) persist(i *item) bool {
	if i.expires == never {
		return false
	}
	i.expires = never
	k.expiring.remove(i)
	return true
}

// expiryHeap has the item that ends first at its root. Each knows its place, so
// that one which is deleted leaves nothing behind.
type expiryHeap []*item

func (h expiryHeap) put(index int, i *item) {
	h[index] = i
	i.place = index + 1
}

// fix moves an item to where it belongs.
func (h expiryHeap) fix(i *item) {
	at := i.place - 1
	for at > 0 && i.expires < h[(at-1)/2].expires {
		h.put(at, h[(at-1)/2])
		at = (at - 1) / 2
	}
	for {
		child := 2*at + 1
		if child+1 < len(h) && h[child+1].expires < h[child].expires {
			child++
		}
		if child >= len(h) || h[child].expires >= i.expires {
			break
		}
		h.put(at, h[child])
		at = child
	}
	h.put(at, i)
}

func (h *expiryHeap) remove(i *item) {
	last := (*h)[len(*h)-1]
	(*h)[len(*h)-1] = nil
	*h = (*h)[:len(*h)-1]
	if last != i {
		h.put(i.place-1, last)
		h.fix(last)
	}
	i.place = 0
}
