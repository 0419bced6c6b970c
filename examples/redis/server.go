package main

import (
	"context"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
)

// server is what all connections share. It belongs to the loop: no method of it
// waits, except those that say so, and there is no lock.
type server struct {
	limits   limits
	began    time.Time
	keys     *keyspace
	limited  coro.Cond            // there is a key with a time to live
	channels map[string][]*client // who has subscribed, in the order in which they came
	stats    stats
}

// stats are what INFO tells.
type stats struct {
	clients     int    // connections now
	connections uint64 // so far
	rejected    uint64 // of them, over the limit
	commands    uint64
	hits        uint64 // keys that were asked for and there
	misses      uint64
	dropped     uint64 // subscribers that did not read
}

func newServer(l limits) *server {
	return &server{limits: l, began: time.Now(), keys: newKeyspace(), channels: make(map[string][]*client)}
}

// serve is the task of a connection.
func (s *server) serve(ctx context.Context, conn net.Conn) error {
	s.stats.connections++
	if s.stats.clients >= s.limits.maxClients {
		s.stats.rejected++
		_, err := conn.Write([]byte("-ERR max number of clients reached\r\n"))
		return err
	}
	s.stats.clients++
	c := newClient(s, conn)
	defer func() {
		s.unsubscribeAll(c)
		s.stats.clients--
	}()
	return c.serve(ctx)
}
