package poller

import "net/netip"

// Datagrams are the non-blocking calls of datagram sockets, UDP and Unix. As
// with [Sockets] all of them return at once. A datagram is sent and received
// whole or not at all, an empty one too; it may be lost, and, under UDP, come
// twice or out of order.
type Datagrams interface {
	// ListenPacket opens a datagram socket that is bound to at and hears from
	// everyone. A Unix path follows the rules of Listen.
	ListenPacket(at Addr, o PacketOptions) (FD, error)

	// ConnectPacket opens a datagram socket that sends to and hears from to
	// alone. From is the local address; the zero Addr leaves it to the kernel,
	// and a Unix socket without a name, which cannot be answered.
	ConnectPacket(from, to Addr, o PacketOptions) (FD, error)

	// Receive takes up to len(into) datagrams, [MaxDatagrams] at most, in one
	// system call where the system has one, and returns how many. It goes on
	// until into is full or it would block: fewer, without an error, mean drained
	// and count as ErrWouldBlock, which is what none at all is.
	// An error may come with n > 0: then n datagrams came before it. Errors that
	// the network reports (ECONNREFUSED on a connected socket) come once, and
	// the socket goes on.
	Receive(fd FD, into []Datagram) (n int, err error)

	// Send sends the datagrams in order, MaxDatagrams at most, up to the first
	// that fails, in one system call where the system has one, and returns how
	// many went. Fewer than all without an error are not an error: try the rest,
	// up to ErrWouldBlock. An error may come with n > 0: it is that of out[n].
	// Errors: EMSGSIZE for one that is too large, ENOBUFS for one that the system
	// had no room for and that is lost, and what the network reported about
	// earlier ones (ECONNREFUSED on a connected socket), after which the socket
	// goes on.
	//
	// Quirk(linux, bsd): a Unix socket would block while its receiver's queue is
	// full, and there may be no event when it has room: only Linux gives one, and
	// only to a socket that is connected to the receiver. Whoever waits looks
	// again after a time.
	Send(fd FD, out []Datagram) (n int, err error)

	// JoinGroup makes a UDP socket receive what is sent to a multicast group,
	// on the network interface of that index; 0 leaves the choice to the system.
	// LeaveGroup ends it. Errors: os.SyscallError, EADDRINUSE for a group joined
	// already, EADDRNOTAVAIL for one that was not, ENODEV.
	JoinGroup(fd FD, group netip.Addr, networkInterface int) error
	LeaveGroup(fd FD, group netip.Addr, networkInterface int) error
}

// Datagram is one datagram with its room.
type Datagram struct {
	// Payload: for Send, what is sent. For Receive, the room; N of it are
	// filled.
	Payload []byte
	// N is how many bytes a Receive filled.
	N int
	// Truncated: a Receive had too little room, and the rest of the datagram is
	// lost.
	Truncated bool
	// Peer is who sent it, for Receive: the zero Addr for a Unix socket without
	// a name; an IPv4 address on a socket for both is that, and not one mapped
	// into IPv6. For Send it is where the datagram goes, and must be the zero Addr
	// on a connected socket.
	Peer Addr
}

// MaxDatagrams is how many datagrams one Receive or Send passes on, the first
// ones of those it is given.
//
// Bound: the kernel takes 1024 (UIO_MAXIOV). 64 share the cost of a system
// call so that it is under a hundredth of what a datagram costs, with
// arguments of 64 * 200 bytes that stay in the first-level cache.
const MaxDatagrams = 64

// PacketOptions apply to a datagram socket. The zero value works.
type PacketOptions struct {
	// SendBuffer and ReceiveBuffer are the kernel's buffers in bytes, with its
	// bookkeeping in them; 0 leaves them at the system's default. What does not
	// fit the receive buffer is lost.
	SendBuffer, ReceiveBuffer int
	// ReusePort lets several sockets share a UDP port, and the kernel spread
	// senders over them; see ListenOptions.
	ReusePort bool
	// ReuseAddress lets several sockets of different processes hear the same
	// multicast group on one port (SO_REUSEADDR).
	ReuseAddress bool
}
