package poller

import "fmt"

// Option is a socket option with an integer value.
type Option uint8

const (
	// NoDelay: 1 sends small segments at once (TCP_NODELAY), 0 lets them wait
	// for an acknowledgement (Nagle's algorithm).
	NoDelay Option = iota + 1
	// KeepAliveIdle: seconds of silence before the first keep-alive probe; 0
	// turns probes off, another value turns them on.
	KeepAliveIdle
	// SendBuffer and ReceiveBuffer: bytes the kernel holds. Linux doubles the
	// value it is given and reports the double.
	SendBuffer
	ReceiveBuffer
	// Linger: 0 makes close a reset, -1 is the default: the kernel goes on
	// sending in the background. With a positive value close blocks the loop,
	// for so many seconds, until the data is sent.
	Linger
	// KeepAlive: 1 turns keep-alive probes on, with the times they had or the
	// system's own, 0 turns them off.
	KeepAlive
	// KeepAliveInterval: seconds between two probes that nobody answers.
	// KeepAliveCount: how many of them end the connection. OpenBSD has neither:
	// errors.ErrUnsupported.
	KeepAliveInterval
	KeepAliveCount
	// MulticastTTL: how far datagrams to a group travel, 0 to 255. 0 stays on
	// this machine; 1, the default, on its networks; each router takes one off.
	// (TTL of IPv4, hops of IPv6.)
	MulticastTTL
	// MulticastLoopback: 1, the default, brings datagrams to a group to members
	// on this machine too, 0 does not.
	MulticastLoopback
	// MulticastInterface: the index of the network interface that datagrams to a
	// group leave by; 0 lets the routes decide. On IPv4 it cannot be read:
	// errors.ErrUnsupported.
	MulticastInterface
)

func (o Option) String() string {
	switch o {
	case NoDelay:
		return "no-delay"
	case KeepAlive:
		return "keep-alive"
	case KeepAliveIdle:
		return "keep-alive idle"
	case KeepAliveInterval:
		return "keep-alive interval"
	case KeepAliveCount:
		return "keep-alive count"
	case SendBuffer:
		return "send buffer"
	case ReceiveBuffer:
		return "receive buffer"
	case Linger:
		return "linger"
	case MulticastTTL:
		return "multicast TTL"
	case MulticastLoopback:
		return "multicast loopback"
	case MulticastInterface:
		return "multicast interface"
	}
	return fmt.Sprintf("Option(%d)", uint8(o))
}

// SocketOptions apply to a connection. The zero value works.
type SocketOptions struct {
	// Delay turns Nagle's algorithm on for TCP: fewer, fuller segments, later.
	// Off by default, as in package net.
	Delay bool
	// KeepAliveIdle is the seconds of silence before the first keep-alive
	// probe. 0, the default: no probes.
	KeepAliveIdle int
	// SendBuffer and ReceiveBuffer are the kernel's buffers in bytes; 0 leaves
	// them to the kernel, which sizes them by need.
	SendBuffer, ReceiveBuffer int
}

// ListenOptions apply to a listener, and the SocketOptions in them to the
// connections it accepts, which inherit them from the listening socket without
// a system call of their own.
type ListenOptions struct {
	SocketOptions
	// Backlog is how many connections may wait to be accepted; 4096 by
	// default. The kernel cuts it to its own limit (net.core.somaxconn).
	Backlog int
	// ReusePort lets several listeners share one TCP port, and the kernel
	// spread connections over them by a hash of their addresses (Linux 3.9,
	// FreeBSD 12, DragonFly). Elsewhere Listen returns errors.ErrUnsupported:
	// the option exists there, but one listener would get every connection.
	ReusePort bool
}

// defaultBacklog is the backlog where none is given.
//
// Bound: 4096 is Linux's own default limit since 5.4; a burst of connections
// beyond it meets a full queue and is retried by the peer a second later.
const defaultBacklog = 4096
