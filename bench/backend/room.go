package backend

import (
	"net"
	"slices"
	"sync"
)

// In a room, who reads writes to all, the sender included, one after the other. A
// member that does not read holds the room up, or, where writes are callbacks, has
// its bytes kept. All backends do the same, so what is compared is the cost of the
// deliveries.
//
// A room is state that connections share. Backends with loops keep it on one loop,
// without a lock, whatever Config.Loops says; package net and threads lock it.
// Backends of several processes have no room.

// members are the connections of a room on one loop.
type members[C comparable] struct{ all []C }

func (m *members[C]) join(c C) { m.all = append(slices.Clone(m.all), c) }

// leave copies: a member that is told of the news meanwhile ranges over the old
// list.
func (m *members[C]) leave(c C) {
	m.all = slices.DeleteFunc(slices.Clone(m.all), func(o C) bool { return o == c })
}

// readRoom serves one member whose connection is a net.Conn: what it sends goes to
// all that the function gives.
func readRoom(c net.Conn, toAll func(news []byte)) error {
	buf := make([]byte, connBuffer)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return err
		}
		toAll(buf[:n])
	}
}

// lockedRoom is a room for goroutines.
type lockedRoom struct {
	mu sync.Mutex
	members[net.Conn]
}

func (r *lockedRoom) serve(c net.Conn) error {
	r.mu.Lock()
	r.join(c)
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		r.leave(c)
		r.mu.Unlock()
	}()
	return readRoom(c, func(news []byte) {
		r.mu.Lock()
		defer r.mu.Unlock()
		writeToAll(r.all, news)
	})
}

// writeToAll leaves a member whose connection fails to its own goroutine or task.
func writeToAll(all []net.Conn, news []byte) {
	for _, c := range all {
		_, _ = c.Write(news)
	}
}
