package poller

import (
	"fmt"
	"time"
)

// OS is the boundary between a loop and its operating system. One OS serves
// one loop. [Open] gives the real one.
type OS interface {
	Poller
	Sockets
	Datagrams
	Clock
}

// Poller tells which descriptors are ready. The contract is in the package
// documentation; a platform file holds no other promises than those.
type Poller interface {
	// Add registers fd for both directions. Events for it carry t. A
	// descriptor that this package did not open must be non-blocking, or
	// reading it stops the loop.
	// Errors: os.SyscallError with EEXIST for a descriptor that is registered
	// already, EPERM for one that cannot be polled (a regular file), EBADF for
	// one that is not open.
	Add(fd FD, t Token) error

	// Remove ends the registration of a descriptor that stays open, or that
	// is closed by other means than CloseFD and Abort, before it is. These two
	// end it as well, without a call to Remove.
	// Error: os.SyscallError with ENOENT where fd is not registered.
	Remove(fd FD) error

	// Rearm says that the caller's own system call, one that did not go
	// through [Sockets], found fd not ready in the directions of r. Backends
	// that are edge-triggered by nature have nothing to do.
	Rearm(fd FD, r Readiness)

	// Wait waits until there is an event, a wake-up or a signal, or until
	// timeout has passed, fills events and returns how many it filled, which
	// may be none. A negative timeout is no timeout; zero only looks; one of
	// more than 11 days may end early.
	Wait(events []Event, timeout time.Duration) (int, error)

	// Wake makes the current or the next Wait return. Any goroutine may call
	// it, also after Close, when it does nothing.
	Wake() error

	// Close releases what the poller itself holds; the descriptors that were
	// added stay open. A second Close does nothing.
	Close() error
}

// Sockets are the non-blocking calls. All of them return at once, with
// [ErrWouldBlock] where a blocking descriptor would have waited.
type Sockets interface {
	// Listen opens a listening stream socket.
	Listen(at Addr, o ListenOptions) (FD, error)

	// Accept takes one connection off the listener's queue. Connections that
	// died in the queue are passed over. Errors: ErrWouldBlock,
	// ErrTooManyFiles.
	Accept(listener FD) (FD, Addr, error)

	// Connect begins a connection and returns its descriptor. The outcome is
	// there once the descriptor is writable: see ConnectResult.
	Connect(to Addr, o SocketOptions) (FD, error)

	// ConnectResult reports how a connect ended: nil, the error, or
	// ErrWouldBlock while it is still under way.
	ConnectResult(fd FD) error

	// Read reads up to len(p) bytes. At the end of the stream it returns
	// 0, io.EOF.
	Read(fd FD, p []byte) (int, error)

	// Peek is a Read that leaves the bytes where they are: the next Read gets
	// them. Whether a short one has drained the stream is for a Read to say;
	// ErrWouldBlock means what it means there. For sockets only: anything else
	// is ENOTSOCK.
	Peek(fd FD, p []byte) (int, error)

	// Write writes p or a part of it. A part is not an error: try the rest,
	// up to ErrWouldBlock. A peer that is gone is EPIPE or ECONNRESET, never a
	// SIGPIPE that ends the process.
	Write(fd FD, p []byte) (int, error)

	// Writev writes the concatenation of bufs or a part of it, in one system
	// call where the system has one, and takes at most MaxVectors of them.
	Writev(fd FD, bufs [][]byte) (int, error)

	// CloseWrite ends the outgoing direction (FIN): the peer reads io.EOF.
	CloseWrite(fd FD) error

	// CloseRead ends the incoming direction for this side: once what is there
	// has been read, Read returns io.EOF. The peer is not told.
	//
	// Quirk(linux): a TCP socket goes on taking what the peer sends, and a
	// Read then returns that.
	CloseRead(fd FD) error

	// CloseFD closes fd and ends its registration.
	//
	// Quirk(linux): epoll registers the open file, not the number. Where a
	// duplicate lives on (dup, SCM_RIGHTS, for an instant a child between fork
	// and exec), so does the registration, with its old token, and nobody can
	// remove it any more: Remove first what has been duplicated.
	CloseFD(fd FD) error

	// Abort closes fd and drops what is under way in both directions. A TCP
	// peer gets a reset (RST).
	Abort(fd FD) error

	// SetOption sets a socket option, Option reads one.
	SetOption(fd FD, o Option, value int) error
	Option(fd FD, o Option) (int, error)

	// LocalAddr and PeerAddr give a socket's two ends.
	LocalAddr(fd FD) (Addr, error)
	PeerAddr(fd FD) (Addr, error)
}

// Clock is the monotonic clock that timeouts are measured on.
type Clock interface {
	// Now is the time since Epoch.
	Now() time.Duration
	// Epoch is the moment at which Now was zero, with a monotonic reading, so
	// that t.Sub(Epoch()) places any time.Time on this clock without a look
	// at it.
	Epoch() time.Time
}

// MaxVectors is how many slices one Writev passes on.
//
// Bound: IOV_MAX is 1024 on Linux and on the BSDs; more is EINVAL.
const MaxVectors = 1024

// FD is a descriptor: a small integer on Unix, a handle elsewhere. Above this
// package it is only kept and handed back.
type FD uintptr

// NoFD is no descriptor.
const NoFD = ^FD(0)

// Token names a registration: the caller's slot in the low 32 bits, the slot's
// generation in the high 32. A slot is used again after its descriptor was
// closed, a token is not, so that an event that outlived its descriptor is
// recognised. All ones is kept for the poller itself.
type Token uint64

// NewToken composes a token.
func NewToken(slot, generation uint32) Token {
	return Token(generation)<<32 | Token(slot)
}

// Slot is the low half of the token.
func (t Token) Slot() uint32 { return uint32(t) }

// Generation is the high half of the token.
func (t Token) Generation() uint32 { return uint32(t >> 32) }

func (t Token) String() string { return fmt.Sprintf("%d#%d", t.Slot(), t.Generation()) }

// wakeToken marks the wake-up descriptor's own events.
const wakeToken = ^Token(0)

// Readiness is what an event says about its descriptor.
type Readiness uint8

const (
	// Readable: a Read or an Accept is worth trying.
	Readable Readiness = 1 << iota
	// Writable: a Write is worth trying, or a connect has ended.
	Writable
	// HangUp is a hint: the peer has finished sending, or the connection is
	// gone. It comes with Readable. No further event may come for this
	// change, so whoever reads goes on up to io.EOF or an error.
	HangUp
	// Urgent is a hint: the stream holds or held out-of-band data, where a
	// read stops early. From here on a short read proves nothing.
	//
	// Quirk(linux): recv(2) ends at the urgent mark, bytes behind the mark
	// raise no second edge, and the two together lose bytes to everyone who
	// takes a short read for "drained".
	Urgent
)

func (r Readiness) String() string {
	s := ""
	for i, name := range [...]string{"readable", "writable", "hang-up", "urgent"} {
		if r&(1<<i) != 0 {
			if s != "" {
				s += "|"
			}
			s += name
		}
	}
	if s == "" {
		return "nothing"
	}
	return s
}

// Event is what Wait reports.
type Event struct {
	Token Token
	Ready Readiness
}

// Backend chooses how readiness is learnt.
type Backend uint8

const (
	// BackendDefault is epoll or kqueue, or poll(2) under the build tag
	// weftpoll.
	BackendDefault Backend = iota
	// BackendPoll is poll(2): one array of all descriptors per call, so its
	// cost grows with the idle ones. It is there for systems whose other
	// backend misbehaves, and as the second opinion in our own tests.
	BackendPoll
)

func (b Backend) String() string {
	switch b {
	case BackendDefault:
		return "default"
	case BackendPoll:
		return "poll"
	}
	return fmt.Sprintf("Backend(%d)", uint8(b))
}

// Config configures Open. The zero value works.
type Config struct {
	// Backend is BackendDefault by default.
	Backend Backend
	// EventsPerWait is the most events one Wait asks the kernel for; 256 by
	// default. A longer slice given to Wait is filled up to here.
	EventsPerWait int
}

// defaultEventsPerWait bounds one Wait.
//
// Bound: 256 events of 12 bytes are what libuv (1024) and mio (1024 in its
// examples) would call small; it keeps one batch, with the sources it names,
// inside the second-level cache, and costs 1/256 of a system call per event.
const defaultEventsPerWait = 256

// Open opens the operating system's boundary for one loop. Errors:
// os.SyscallError of the calls behind it (EMFILE), errors.ErrUnsupported on a
// system without a backend.
func Open(c Config) (OS, error) {
	if c.EventsPerWait <= 0 {
		c.EventsPerWait = defaultEventsPerWait
	}
	return open(c)
}
