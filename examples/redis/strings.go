package main

import (
	"context"
	"math"
	"strconv"
)

func get(_ context.Context, c *client, words [][]byte) {
	i := c.server.keys.get(words[1])
	if i == nil {
		c.server.stats.misses++
		c.out.null()
		return
	}
	c.server.stats.hits++
	c.out.bulk(i.value)
}

// setOptions are what follows SET key value.
type setOptions struct {
	only    setCondition
	get     bool   // answer with the old value
	keepTTL bool   // of the old value
	end     moment // or never
}

type setCondition uint8

const (
	setAlways   setCondition = iota
	setIfAbsent              // NX
	setIfThere               // XX
)

func (s setCondition) String() string { return [...]string{"always", "nx", "xx"}[s] }

func set(ctx context.Context, c *client, words [][]byte) {
	var o setOptions
	if len(words) > 3 {
		var failed string
		if o, failed = c.server.parseSet(words[3:]); failed != "" {
			c.out.fail(failed)
			return
		}
	}
	k, key, value := c.server.keys, words[1], words[2]
	i := k.get(key)
	switch {
	case o.get && i != nil:
		c.out.bulk(i.value)
	case o.get:
		c.out.null()
	}
	if o.only == setIfAbsent && i != nil || o.only == setIfThere && i == nil {
		if !o.get {
			c.out.null()
		}
		return
	}
	i = k.set(i, key, value)
	switch {
	case o.end != never:
		c.server.expireAt(ctx, i, o.end)
	case !o.keepTTL:
		k.persist(i)
	}
	if !o.get {
		c.out.status("OK")
	}
}

// parseSet reads the options of SET, or says what is wrong with them.
func (s *server) parseSet(words [][]byte) (o setOptions, failed string) {
	var ttl []byte
	var unit int64 // of ttl, in milliseconds
	for n := 0; n < len(words); n++ {
		w, more := words[n], n+1 < len(words)
		switch {
		case is(w, "NX") && o.only != setIfThere:
			o.only = setIfAbsent
		case is(w, "XX") && o.only != setIfAbsent:
			o.only = setIfThere
		case is(w, "GET"):
			o.get = true
		case is(w, "KEEPTTL") && ttl == nil:
			o.keepTTL = true
		case is(w, "EX") && !o.keepTTL && unit != 1 && more:
			n++
			ttl, unit = words[n], 1000
		case is(w, "PX") && !o.keepTTL && unit != 1000 && more:
			n++
			ttl, unit = words[n], 1
		default:
			return o, errSyntax
		}
	}
	if ttl == nil {
		return o, ""
	}
	amount, ok := parseInt(ttl)
	if !ok {
		return o, errNotInteger
	}
	if o.end, ok = s.keys.clock.after(amount, unit); !ok || amount <= 0 {
		return o, "ERR invalid expire time in 'set' command"
	}
	return o, ""
}

// after is the moment that is amount times unit milliseconds from now, and whether
// there is such a one.
func (c clock) after(amount, unit int64) (moment, bool) {
	now := int64(c.now())
	if amount > (math.MaxInt64-now)/unit || amount < math.MinInt64/unit {
		return 0, false
	}
	return moment(now + amount*unit), true
}

func incr(_ context.Context, c *client, words [][]byte) { c.add(words[1], 1) }
func decr(_ context.Context, c *client, words [][]byte) { c.add(words[1], -1) }

// add is a read and a write of the data. No other task runs in between.
func (c *client) add(key []byte, delta int64) {
	k := c.server.keys
	i := k.get(key)
	var n int64
	if i != nil {
		var ok bool
		if n, ok = parseInt(i.value); !ok {
			c.out.fail(errNotInteger)
			return
		}
	}
	if delta > 0 && n > math.MaxInt64-delta || delta < 0 && n < math.MinInt64-delta {
		c.out.fail("ERR increment or decrement would overflow")
		return
	}
	var digits [20]byte
	k.set(i, key, strconv.AppendInt(digits[:0], n+delta, 10))
	c.out.integer(n + delta)
}
