package coro

import (
	"net"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Message is one datagram of a batch: for ReadBatch Payload is the room, of which N
// bytes were filled, Truncated tells that there was too little of it, and Peer is who
// sent it. For WriteBatch Payload is what to send, and Peer is to whom, the zero
// value on a connected socket.
type Message = poller.Datagram

// ReadBatch suspends the task until there is a datagram, takes all that are there, up
// to len(into) and [poller.MaxDatagrams], and returns how many. On Linux that is one
// system call. An error may come with datagrams before it, on other systems. Errors:
// those of ReadFrom.
//
// A batch counts as so many operations for fairness: a task that never has to wait
// lets the others run after each large one.
func (c *PacketConn) ReadBatch(into []Message) (int, error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.batchOutside("read", into, (*PacketConn).takeBatch)
	}
	n, err := c.takeBatch(t, into)
	return n, c.opError("read", err)
}

// WriteBatch sends datagrams in order, as many as there is room for, up to
// poller.MaxDatagrams, and returns how many; it suspends the task until there is room
// for one. For the rest call it again. On Linux that is one system call. An error is
// that of the first one that was not sent, and may come with some that were. Errors:
// those of WriteTo.
func (c *PacketConn) WriteBatch(out []Message) (int, error) {
	t := c.loop.currentTask()
	if t == nil {
		return c.batchOutside("write", out, (*PacketConn).putBatch)
	}
	n, err := c.putBatch(t, out)
	return n, c.opError("write", err)
}

//go:noinline
func (c *PacketConn) batchOutside(op string, batch []Message, operation func(*PacketConn, *task, []Message) (int, error)) (n int, err error) {
	err = c.loop.asTask(func(t *task) error {
		var err error
		n, err = operation(c, t, batch)
		return err
	})
	return n, c.opError(op, err)
}

func (c *PacketConn) takeBatch(t *task, into []Message) (n int, err error) {
	if err = c.enter(t, reactor.In); err != nil {
		return 0, err
	}
	if len(into) > 0 {
		n, err = c.receive(t, into)
	}
	c.leave(reactor.In, n)
	return n, err
}

func (c *PacketConn) putBatch(t *task, out []Message) (n int, err error) {
	if c.connected() {
		for i := range out {
			if out[i].Peer != (poller.Addr{}) {
				return 0, net.ErrWriteToConnected
			}
		}
	}
	if err = c.enter(t, reactor.Out); err != nil {
		return 0, err
	}
	if len(out) > 0 {
		n, err = c.send(t, out)
	}
	c.leave(reactor.Out, n)
	return n, err
}
