package main

import "time"

// keyspace is the data: a map. It belongs to the loop.
type keyspace struct {
	items    map[string]*item
	expiring expiryHeap // of the items that have a time to live
	expired  uint64     // keys that were removed since theirs was over
	clock    clock
}

// item is a key with its value. A value is changed in place, so whoever keeps a
// part of it across a wait has something else afterwards.
type item struct {
	key     string
	value   []byte
	expires moment // or never
	place   int    // in the heap, counted from 1; 0 is not there
}

// moment is a time, in milliseconds since 1970, as in Redis: so the same times to
// live are too long.
type moment int64

const never moment = 0

// clock counts from the time at which the program began, and so does not jump
// when somebody sets that of the machine.
type clock struct {
	began time.Time
	epoch moment // of began
}

func (c clock) now() moment { return c.epoch + moment(time.Since(c.began).Milliseconds()) }

func newKeyspace() *keyspace {
	began := time.Now()
	return &keyspace{items: make(map[string]*item), clock: clock{began, moment(began.UnixMilli())}}
}

// get is the item of a key, or nil. One whose time is over is removed here, if
// nobody has come by before.
func (k *keyspace) get(key []byte) *item {
	i := k.items[string(key)] // without a copy of it
	if i != nil && i.expires != never && i.expires < k.clock.now() {
		k.remove(i)
		k.expired++
		return nil
	}
	return i
}

// set gives a key a value, and keeps copies of both. i is what get says of it. The
// time to live stays as it is.
func (k *keyspace) set(i *item, key, value []byte) *item {
	if i == nil {
		i = &item{key: string(key)}
		k.items[i.key] = i
	}
	// Bound: a value uses an array of at most four times its size.
	if cap(i.value) > max(4*len(value), smallValue) {
		i.value = nil
	}
	i.value = append(i.value[:0], value...)
	return i
}

// smallValue is the size up to which the array of a value is always used again.
const smallValue = 64

func (k *keyspace) remove(i *item) {
	k.persist(i)
	delete(k.items, i.key)
}

func (k *keyspace) clear() { k.items, k.expiring = make(map[string]*item), nil }

// matching iterates over the keys, in no order.
func (k *keyspace) matching(pattern []byte, yield func(key string)) {
	now := k.clock.now()
	for key, i := range k.items {
		if (i.expires == never || i.expires >= now) && matches(pattern, key) {
			yield(key)
		}
	}
}
