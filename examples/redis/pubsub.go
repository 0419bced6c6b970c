package main

import (
	"context"
	"maps"
	"slices"
)

func subscribe(_ context.Context, c *client, words [][]byte) {
	if c.channels == nil {
		c.channels = make(map[string]struct{})
	}
	for _, w := range words[1:] {
		if _, there := c.channels[string(w)]; !there {
			channel := string(w)
			c.channels[channel] = struct{}{}
			c.server.channels[channel] = append(c.server.channels[channel], c)
		}
		c.subscription("subscribe")
		c.out.bulk(w)
		c.out.integer(int64(len(c.channels)))
	}
	if c.state == clientAsking {
		c.state = clientSubscribing
	}
}

func unsubscribe(_ context.Context, c *client, words [][]byte) {
	if len(words) == 1 && len(c.channels) == 0 {
		c.subscription("unsubscribe")
		c.out.null()
		c.out.integer(0)
		return
	}
	var names []string
	if len(words) == 1 {
		names = slices.Sorted(maps.Keys(c.channels))
	}
	for _, w := range words[1:] {
		names = append(names, string(w))
	}
	for _, channel := range names {
		c.server.unsubscribe(c, channel)
		c.subscription("unsubscribe")
		c.out.bulkString(channel)
		c.out.integer(int64(len(c.channels)))
	}
}

// subscription begins the answer for one channel.
func (c *client) subscription(kind string) {
	c.out.array(3)
	c.out.bulkString(kind)
}

func (s *server) unsubscribe(c *client, channel string) {
	if _, there := c.channels[channel]; !there {
		return
	}
	delete(c.channels, channel)
	rest := slices.DeleteFunc(s.channels[channel], func(o *client) bool { return o == c })
	if len(rest) == 0 {
		delete(s.channels, channel)
	} else {
		s.channels[channel] = rest
	}
}

func (s *server) unsubscribeAll(c *client) {
	for channel := range c.channels {
		s.unsubscribe(c, channel)
	}
}

// publish gives a message to everybody who has subscribed, and answers with how
// many these are. Nobody is waited for; see push.
func publish(ctx context.Context, c *client, words [][]byte) {
	receivers := 0
	for _, o := range c.server.channels[string(words[1])] {
		if o.push(ctx, words[1], words[2]) {
			receivers++
		}
	}
	c.out.integer(int64(receivers))
}
