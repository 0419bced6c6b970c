package coro

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// SetReadBuffer sets the bytes that the kernel holds for what was not received yet,
// with its bookkeeping in them. What does not fit is lost, under UDP.
func (c *PacketConn) SetReadBuffer(bytes int) error { return c.set(poller.ReceiveBuffer, bytes) }

// SetWriteBuffer is SetReadBuffer for what is to be sent.
func (c *PacketConn) SetWriteBuffer(bytes int) error { return c.set(poller.SendBuffer, bytes) }

// JoinGroup makes the socket receive what is sent to a multicast group, on a network
// interface; nil leaves the choice to the system. A socket that several processes have
// at one port is made with poller.PacketOptions.ReuseAddress. Errors: *net.OpError:
// errors.Is finds syscall.EADDRINUSE for a group that was joined already,
// syscall.EADDRNOTAVAIL for one that was not, syscall.ENODEV,
// errors.ErrUnsupported.
func (c *PacketConn) JoinGroup(on *net.Interface, group netip.Addr) error {
	return c.onGroup(poller.OS.JoinGroup, on, group)
}

// LeaveGroup ends JoinGroup.
func (c *PacketConn) LeaveGroup(on *net.Interface, group netip.Addr) error {
	return c.onGroup(poller.OS.LeaveGroup, on, group)
}

func (c *PacketConn) onGroup(change func(poller.OS, poller.FD, netip.Addr, int) error, on *net.Interface, group netip.Addr) error {
	return c.opError("set", c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		return change(c.loop.reactor.OS(), c.src.FD(), group, indexOf(on))
	}))
}

// SetMulticastInterface chooses the network interface that datagrams to groups leave
// by; nil, the default, leaves it to the routes.
func (c *PacketConn) SetMulticastInterface(on *net.Interface) error {
	return c.set(poller.MulticastInterface, indexOf(on))
}

// SetMulticastTTL sets how far datagrams to groups travel: 0 stays on this machine, 1,
// the default, on its networks, each router takes one off. (Hops, in IPv6.)
func (c *PacketConn) SetMulticastTTL(ttl int) error { return c.set(poller.MulticastTTL, ttl) }

// SetMulticastLoopback decides whether members on this machine get what the socket
// sends to a group, which is the default.
func (c *PacketConn) SetMulticastLoopback(on bool) error {
	return c.set(poller.MulticastLoopback, number(on))
}

func indexOf(on *net.Interface) int {
	if on == nil {
		return 0
	}
	return on.Index
}

func (c *PacketConn) set(o poller.Option, value int) error {
	return c.opError("set", c.setOptions(func(set setter) error { return set(o, value) }))
}

// SyscallConn gives access to the descriptor, as Conn.SyscallConn does. A function of
// its Write that finds no room at the receiver of a Unix socket may wait for ever: no
// event tells of that.
func (c *PacketConn) SyscallConn() (syscall.RawConn, error) {
	err := c.loop.do(func() error {
		if c.closed {
			return net.ErrClosed
		}
		if _, ok := c.loop.reactor.OS().(poller.Duplicator); !ok {
			return errors.ErrUnsupported
		}
		c.shared = true
		return nil
	})
	if err != nil {
		return nil, c.opError("raw", err)
	}
	return rawConn{c}, nil
}

// File gives the socket a second descriptor, as Conn.File does.
func (c *PacketConn) File() (*os.File, error) {
	var file *os.File
	err := c.loop.do(func() (err error) {
		if file, err = c.duplicate(); err == nil {
			c.shared = true
		}
		return err
	})
	return file, c.opError("file", err)
}
