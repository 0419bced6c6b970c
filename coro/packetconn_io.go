package coro

import (
	"net"
	"os"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// What a PacketConn does on a task: try, and where that would block, wait and try
// again. From outside the same is done by a task for the caller.

func (c *PacketConn) receiveOne(p []byte) (n int, from poller.Addr, err error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.receiveOutside(p)
	}
	n, from, err = c.takeOne(t, p)
	return n, from, c.opError("read", err)
}

//go:noinline
func (c *PacketConn) receiveOutside(p []byte) (n int, from poller.Addr, err error) {
	err = c.loop.asTask(func(t *task) error {
		var err error
		n, from, err = c.takeOne(t, p)
		return err
	})
	return n, from, c.opError("read", err)
}

func (c *PacketConn) sendOne(p []byte, to poller.Addr) (n int, err error) {
	t := c.loop.currentTask()
	if t == nil {
		err = c.sendOutside(p, to)
	} else {
		err = c.putOne(t, p, to)
	}
	if err != nil {
		if to == (poller.Addr{}) {
			to = c.peer
		}
		return 0, c.opErrorTo("write", to, err)
	}
	return len(p), nil
}

//go:noinline
func (c *PacketConn) sendOutside(p []byte, to poller.Addr) error {
	return c.loop.asTask(func(t *task) error { return c.putOne(t, p, to) })
}

// takeOne receives a single datagram, by way of the socket's own memory for one:
// arguments on the stack would move to the heap, since a poller.OS is an interface.
func (c *PacketConn) takeOne(t *task, p []byte) (n int, from poller.Addr, err error) {
	if err = c.enter(t, reactor.In); err != nil {
		return 0, from, err
	}
	d := &c.one[reactor.In][0]
	d.Payload = p
	var count int
	if count, err = c.receive(t, c.one[reactor.In][:]); count == 1 {
		n, from, err = d.N, d.Peer, nil
	}
	*d = poller.Datagram{}
	c.leave(reactor.In, n)
	return n, from, err
}

func (c *PacketConn) putOne(t *task, p []byte, to poller.Addr) error {
	if c.connected() && to != (poller.Addr{}) {
		return net.ErrWriteToConnected
	}
	if err := c.enter(t, reactor.Out); err != nil {
		return err
	}
	d := &c.one[reactor.Out][0]
	d.Payload, d.Peer = p, to
	_, err := c.send(t, c.one[reactor.Out][:])
	*d = poller.Datagram{}
	c.leave(reactor.Out, 0)
	return err
}

// receive waits until there is a datagram at least. The task has the direction.
func (c *PacketConn) receive(t *task, into []poller.Datagram) (n int, err error) {
	for {
		if c.src.Expired(reactor.In) {
			return 0, os.ErrDeadlineExceeded
		}
		if n, err = c.src.Receive(into); err != poller.ErrWouldBlock {
			break
		}
		if err = t.await(&c.src, reactor.In); err != nil {
			return 0, err
		}
	}
	if n > 0 {
		c.stats.Receives++
		c.stats.Received += uint64(n)
		for i := range into[:n] {
			if into[i].Truncated {
				c.stats.Truncated++
			}
		}
		t.spend(n - 1) // each one is an operation; the first was counted by enter
	}
	return n, err
}

// send waits until a datagram at least has gone. The task has the direction.
func (c *PacketConn) send(t *task, out []poller.Datagram) (n int, err error) {
	pause := firstRoomPause
	for {
		if c.src.Expired(reactor.Out) {
			return 0, os.ErrDeadlineExceeded
		}
		if n, err = c.src.Send(out); err != poller.ErrWouldBlock {
			break
		}
		if !c.local.IsUnix() {
			err = t.await(&c.src, reactor.Out)
		} else {
			err = c.awaitRoom(t, pause)
			pause = min(2*pause, longestRoomPause)
		}
		if err != nil {
			return 0, err
		}
	}
	if n > 0 {
		c.stats.Sends++
		c.stats.Sent += uint64(n)
		t.spend(n - 1)
	}
	return n, err
}

// How long a Unix socket whose receiver is full waits before it looks again.
//
// Bound: no event tells of room there (see poller.Datagrams), so this is how late a
// sender may be. A receiver that is only busy makes room within a millisecond; one
// that stands still costs a sender 30 looks a second.
const (
	firstRoomPause   = time.Millisecond
	longestRoomPause = 32 * time.Millisecond
)

// awaitRoom waits for an event or for the pause, whichever comes first. The deadline,
// Close and a cancellation end it as they end any wait.
func (c *PacketConn) awaitRoom(t *task, pause time.Duration) error {
	t.setTimer(pause)
	err := t.await(&c.src, reactor.Out)
	t.timer.Stop()
	c.src.Cancel(reactor.Out) // if it was the timer
	c.src.SetReady(reactor.Out)
	return err
}

// enter begins an operation: a checkpoint, then the task's turn at the direction.
// leave ends it.
func (c *PacketConn) enter(t *task, d reactor.Direction) error {
	if err := t.checkpoint(); err != nil {
		return err
	}
	switch {
	case c.closed:
		return net.ErrClosed
	case c.busy[d]:
		return c.turns[d].wait(t.scope, t) // leave keeps the direction busy for it
	}
	c.busy[d] = true
	return nil
}

func (c *PacketConn) leave(d reactor.Direction, _ int) {
	if !c.turns[d].wakeOne(nil) {
		c.busy[d] = false
	}
}
