package main

import "context"

func del(_ context.Context, c *client, words [][]byte) {
	n := 0
	for _, key := range words[1:] {
		if i := c.server.keys.get(key); i != nil {
			c.server.keys.remove(i)
			n++
		}
	}
	c.out.integer(int64(n))
}

// exists counts a key as often as it is named.
func exists(_ context.Context, c *client, words [][]byte) {
	n := 0
	for _, key := range words[1:] {
		if c.server.keys.get(key) != nil {
			n++
		}
	}
	c.out.integer(int64(n))
}

func expire(ctx context.Context, c *client, words [][]byte)  { c.expire(ctx, words, 1000) }
func pexpire(ctx context.Context, c *client, words [][]byte) { c.expire(ctx, words, 1) }

// expire gives a key a time to live, in units of so many milliseconds.
func (c *client) expire(ctx context.Context, words [][]byte, unit int64) {
	amount, ok := parseInt(words[2])
	if !ok {
		c.out.fail(errNotInteger)
		return
	}
	k := c.server.keys
	end, ok := k.clock.after(amount, unit)
	if !ok {
		c.out.fail("ERR invalid expire time in '" + find(words[0]).name + "' command")
		return
	}
	i := k.get(words[1])
	switch {
	case i == nil:
		c.out.integer(0)
		return
	case amount <= 0:
		k.remove(i)
	default:
		c.server.expireAt(ctx, i, end)
	}
	c.out.integer(1)
}

func persist(_ context.Context, c *client, words [][]byte) {
	var n int64
	if i := c.server.keys.get(words[1]); i != nil && c.server.keys.persist(i) {
		n = 1
	}
	c.out.integer(n)
}

func ttl(_ context.Context, c *client, words [][]byte)  { c.ttl(words[1], 1000) }
func pttl(_ context.Context, c *client, words [][]byte) { c.ttl(words[1], 1) }

// ttl answers with the time to live, rounded, -1 for one that is not limited and -2
// for a key that is not there.
func (c *client) ttl(key []byte, unit int64) {
	i := c.server.keys.get(key)
	switch {
	case i == nil:
		c.out.integer(-2)
	case i.expires == never:
		c.out.integer(-1)
	default:
		left := max(int64(i.expires-c.server.keys.clock.now()), 0)
		c.out.integer((left + unit/2) / unit)
	}
}

// keys answers with the keys of a form, which holds up everybody while it looks at
// all of them, as in Redis.
func keys(_ context.Context, c *client, words [][]byte) {
	var found []string
	c.server.keys.matching(words[1], func(key string) { found = append(found, key) })
	c.out.array(len(found))
	for _, key := range found {
		c.out.bulkString(key)
	}
}

func dbsize(_ context.Context, c *client, _ [][]byte) {
	c.out.integer(int64(len(c.server.keys.items)))
}

func flushall(_ context.Context, c *client, words [][]byte) {
	if len(words) > 2 || len(words) == 2 && !is(words[1], "SYNC") && !is(words[1], "ASYNC") {
		c.out.fail(errSyntax)
		return
	}
	c.server.keys.clear()
	c.out.status("OK")
}
