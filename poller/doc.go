// Package poller is everything an event loop asks of its operating system:
// readiness, non-blocking sockets and the monotonic clock, behind one
// interface, [OS].
//
// It is the lowest of weft's rooms. There are no callbacks here, no queues and
// no policy: a caller registers a descriptor once, asks [Poller.Wait] which
// descriptors are worth trying, and tries them. Package reactor builds its
// loop on this interface and never looks behind it, so that the same loop runs
// on epoll, on kqueue, on poll(2), and on a simulated kernel.
//
// # Interest and ready
//
// A descriptor is registered once, for both directions, and edge-triggered:
// an event is the news that something changed, not a report of how things are.
//
//	caller                     kernel
//	  |  Add(fd, token)          |
//	  |------------------------->|  interest: both directions, for ever
//	  |  Wait                    |
//	  |<------- token, Readable -|  bytes came: ONE event
//	  |  Read  -> 64 of 65536    |
//	  |  short read: drained     |
//	  |  Wait                    |
//	  |<------- token, Readable -|  more bytes came: one more event
//	  |  Read  -> 65536 of 65536 |
//	  |  full read: perhaps more |  no new event for what is there already
//	  |  Read  -> ErrWouldBlock  |
//	  |  Wait                    |
//
// # The contract
//
// What every backend promises:
//
//   - A registration is for both directions and lasts until the descriptor is
//     removed or closed. There is no call to change it, so there is no system
//     call for it in a request.
//   - An event says "try now". [Readable] and [Writable] are the only things
//     it says for sure.
//   - After a call returned [ErrWouldBlock], a new event comes when that call
//     could succeed, but for a Unix datagram socket whose receiver is full: see
//     [Datagrams].
//   - A Read that returned fewer bytes than it had room for has drained the
//     stream and counts as [ErrWouldBlock] did, except after [HangUp] or
//     [Urgent] was seen, and except on Unix sockets.
//   - So has a Receive that returned fewer datagrams than it had room for. What
//     the network reports of earlier ones is an event and an error of its own.
//   - An event carries the [Token] its descriptor was added with, and none
//     comes for a descriptor after Remove or CloseFD returned, apart from
//     those that Wait had already handed out: the token's generation tells
//     these from events of the number's next owner.
//   - Wait returns no earlier than its timeout unless there is an event, a
//     wake-up or a signal. Timeouts are rounded up.
//   - Wake makes the current or the next Wait return. Any number of wake-ups
//     before that return cost one system call.
//   - A descriptor this package opens is non-blocking and close-on-exec from
//     birth.
//   - EAGAIN and EINTR never leave this package.
//
// What an event does not promise, so that a caller must be ready for it:
//
//   - That the call will succeed: spurious events are allowed.
//   - That there is one event per arrival: several may be one.
//   - That [HangUp] or [Urgent] comes at all. They are hints; whoever needs to
//     know reads, and gets io.EOF or the error.
//   - Any order between descriptors.
//
// Except for Wake, which any goroutine may call, the methods belong to one
// goroutine: the loop's.
//
// # Capabilities
//
// What not every system has, or a simulated one cannot have, is an interface of its
// own, which the OS may be too: [FileSender] (sendfile: Linux, darwin, FreeBSD,
// DragonFly), [Splicer] (Linux), [Duplicator] (all real ones).
//
// # Backends
//
//	epoll    Linux; the default there
//	kqueue   darwin, freebsd, netbsd, openbsd, dragonfly
//	poll(2)  all of these, on request: Config.Backend, or the build tag
//	         weftpoll, which makes it the default
//
// Package poller/sim is one more, for tests: a kernel in memory.
//
// Elsewhere everything compiles and [Open] returns errors.ErrUnsupported.
package poller
