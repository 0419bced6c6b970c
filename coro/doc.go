// Package coro runs tasks on an event loop: straight-line code over net.Conn,
// thousands of functions at a time on one goroutine.
//
// A task is a plain func(context.Context) error. It runs on a coroutine of its
// own, and where it would have to wait, for bytes, for room, for time, for another
// task, it is suspended, and the loop runs the next one that can go on. Nothing
// else ever interrupts it. So between two such places tasks of one loop need no
// locks among themselves: a map that all of them use is just a map.
//
//	coro.Run(ctx, main)
//	   |
//	   '-- main                       the outermost scope
//	        |
//	        |-- WithScope ------------.
//	        |     |                   |   the first error in here cancels
//	        |     |-- task            |   everything in here
//	        |     |-- task            |
//	        |     |    '-- WithScope  |   this one included
//	        |     |         '-- task  |
//	        |     |                   |
//	        |     '-- Serve           |   a scope of its own, whose tasks'
//	        |          |-- handler    |   failures are theirs alone
//	        |          '-- handler    |
//	        |                         |
//	        '<- all errors, joined ---'   when the last of them has ended
//
// # Run and scopes
//
// [Run] makes a loop on the calling goroutine and returns when main has ended.
// [WithScope] calls a function that may start tasks with [Scope.Go], and returns
// when the function and all these tasks have ended, with their errors. [Serve] is
// a scope with a task for each connection. There is no other way to start a task,
// so none outlives the function that started it: when Run returns, nothing is
// left. Several loops, each Run on a goroutine of its own, share nothing.
//
// # Serving
//
// [Serve] has a task for each connection, which is parked while the connection is
// idle: 3 KB. [ServeReadable] calls its handler when there is something to read, and
// until then has no task: 220 bytes. The one suits a handler that is a conversation,
// the other one that answers requests, of which few are under way at a time.
//
//	             Serve                       ServeReadable
//	accepted     the handler is called       nothing
//	bytes        Read returns                the handler is called
//	answered     the handler reads again     the handler returns nil
//	idle         a task is parked            nothing
//	end          the handler returns         the handler returns an error
//
// [ServeConfig] limits both: how many connections, how long one may be idle, how
// long a request may take, and how long requests may go on once the scope is
// cancelled. [Server] runs either on several loops, one a processor by default,
// and gives each connection to one of them for its life.
//
// There are two ways to end. Closing the listener ends accepting, and Serve returns
// nil when its clients have gone. Cancelling the scope ends the connections too: at
// once, or with a DrainTimeout when what they asked for has been answered.
//
// # Cancellation
//
// A scope is cancelled by the first error in it, by [Scope.Cancel], by the end of
// the context it was made with, and with the scope around it. [Timeout] and
// [Deadline] are scopes around a function, cancelled when a time is over. The
// reason is the error of every operation it cancels, and context.Cause of the
// scope's contexts. Its tasks feel it in the order in which they came, then those
// of the scopes inside.
//
// It is level-triggered: in a cancelled scope every operation that may suspend
// fails, not only the one that was waiting, until the scope is left. A task that
// ignores one error meets the next, and a plain Read in a library that knows of no
// context is cancelled as well as a [Sleep]. What never suspends goes on working,
// for cleanup needs it: Close, SetDeadline, Event.Set.
//
// What has completed stays completed. A read that got its bytes returns them,
// though the scope was cancelled in the same turn, and a write tells how much it
// wrote. A task that was cancelled before its first step runs all the same, so
// that its deferred functions do. WithScope itself waits for its tasks however long
// they take to end.
//
// [Shield] is the contrary of a Timeout: what its function does goes on although
// the scope around it has been cancelled. It is for cleanup that has to talk to
// somebody, and has a Timeout inside as a rule. [Scope.Daemon] starts a task that
// is cancelled when all others have ended: a heartbeat, a writer of statistics.
//
// A context that package context derived from a task's, with a timeout say, works
// too: the operation it is given to ends with it, and nothing else does. Contexts
// also carry the loop. Which task is calling is not read from them, so a context
// captured further out does no harm.
//
// # What a task may not do
//
// All tasks of a loop stand still while one of them computes, or blocks the thread.
// That does everything that does not go through this package: a mutex or a
// channel that somebody else has to release, time.Sleep, a read of a file, a DNS
// lookup (Dial's is done elsewhere). [Blocking] is the way to do it. A mutex
// between two tasks of one loop can stop it for ever: the one waits for the lock,
// and the other, which has it, never runs. The same mutex may be inside a library:
// two tasks in one tls.Conn during its handshake. The watchdog finds it, and says
// which task and where.
//
// runtime.LockOSThread in a task must be undone before the task suspends. The Go
// runtime answers the contrary with a fatal error that no recover catches.
//
// # Blocking
//
// [Blocking] runs a function off the loop, on a goroutine of its own, while the task
// waits: for files, for computing, for libraries that know only the blocking way.
// What the function returns comes back to the task, and so does a panic.
//
//	task                        loop               goroutine
//	----                        ----               ---------
//	Blocking: submit ------------------ a place? --> fn starts
//	   | parked                 runs others          |
//	   |                           :                 |
//	   |                        wake <---- post ---- fn returns,
//	value, err <--------------- resume               the next one starts
//
// [Workers] limit how many functions of a kind run at a time, in the whole process:
// 64 for Blocking, 64 lookups of host names (two for each Dial), as many as it says for
// [BlockingOn]. Those over the limit wait, first come, first served. Cancelled there,
// a function never runs. Cancelled while it runs, it cannot be stopped: the task goes
// on at once, the place is free when the function has returned, its result is
// dropped, a panic in it is logged. Run waits for the last one. So a function that
// never returns keeps Run from returning too: give it the context.
//
// [WaitSignal] and [NotifySignals] make signals something a task waits for; they
// come by way of package os/signal. [RunCommand] and [WaitCommand] do so for child
// processes, of package os/exec, which are ended and waited for when the task is
// cancelled: they belong to a scope as tasks do.
//
// # Order and fairness
//
// Tasks start in the order in which they were spawned, and run in the order in which
// they became ready. Those that wait for the same thing, a value, a lock, a turn at
// a connection, a connection of a listener, get it in the order in which they came.
// A task that never has to wait, because its connection always has bytes and room,
// is made to let the others run every 32 operations; a loop looks for new events
// every 256 tasks, and before a task goes on that has been made to wait when a turn
// is 200 us old.
//
// # Sync kit
//
// Tasks of one loop share variables freely, and need none of this to protect them.
// They need it to wait for one another:
//
//	Chan       values from tasks to tasks, with a buffer or without; Select
//	           waits for several of these at once
//	Event      a flag that is set for all
//	Cond       a place to wait until something has changed; it needs no mutex
//	Mutex      what must stay whole while its owner waits
//	Semaphore  a number of places
//	Broadcast  each value to all subscribers; the slow ones lose some
//	Watch      the latest value
//	Inbox      values from goroutines to tasks
//
// All of them are first come, first served. What a task waited for is handed to it:
// the value is its own, the mutex is held, before it runs again, and nobody comes
// between. A task that is cancelled before that gets nothing and leaves the queue,
// and what it would have had goes to the next; one that is cancelled after it keeps
// what it has. Of a Select's cases exactly one happens.
//
// What never suspends works in a cancelled scope: TrySend, Close, Unlock, Release,
// Signal, TrySelect. What does begins with a look at the cancellation, as
// everywhere.
//
// An object belongs to the loop whose task uses it first, and there it has no locks
// and no atomics. A task of another loop gets [ErrWrongLoop], a plain goroutine
// [ErrNotTask]; between loops, and from goroutines, values go through an [Inbox].
// Each has Stats, for its loop's tasks to look at; an Inbox's are for everybody.
//
// # Connections and goroutines
//
// A [Conn] is a net.Conn and a [Listener] is a net.Listener. A task of their loop
// takes the direct way. Any other goroutine may call them as well: the loop carries
// the call out and the caller waits, which takes microseconds instead of nanoseconds.
// The two are told apart by the identity of the calling goroutine, which costs 2 ns
// (2 us on architectures other than amd64 and arm64). A task of another loop is such
// a caller as well, and is suspended meanwhile. On the loop's own goroutine, but not
// in a task, as in a handler of its log, what would suspend is [ErrNotTask].
//
// So libraries with goroutines of their own work: net/http's Server.Serve takes a
// Listener. Call it from a goroutine. From a task it works too, since Close never
// waits for the loop; but with TLS the server's Close writes to its connections
// while it holds a lock that Serve in the task may want. [Conn.Detach] hands a
// connection over to the goroutine world for good.
//
// A Conn has the methods of net.TCPConn. io.Copy from a file to it sends inside the
// kernel (sendfile), and io.Copy between two connections of a loop does so (splice)
// while there is much to move; elsewhere, and on a simulated system, both copy.
// [Conn.SyscallConn] is the way to everything else that a socket can do.
//
// # Dialling
//
// [Dial] to a name asks for IPv6 and IPv4 addresses at the same time, and races the
// addresses by RFC 8305 (happy eyeballs): one of each family in turn, one more every
// 250 ms, or at once when one fails, and the first that connects is the connection. So
// a broken IPv6 costs a quarter of a second, and not two minutes. [Dialer] has the
// delay, a timeout, and a resolver of one's own.
//
// # Failure
//
// A panic in a task is a [*PanicError] in its scope, with the stack of the task and
// the place that spawned it. So is runtime.Goexit, which testing's FailNow calls,
// as a [*GoexitError]; its goroutine cannot be ended, and stays for the life of the
// process. Under Serve both cost one connection, and are logged. Nothing is dropped
// without a word: errors that only repeat a cancellation are left out, and that is
// all.
//
// # Looking inside
//
// [Tasks] tells what every task of the process is doing: what it waits for, since
// when, where it was spawned, in whose scope. [Dump] writes the same for a person,
// as a tree. [Loops] and [Stats] are the loops' counters. [SetName] and Config.Name
// give tasks and loops names. All of these may be called from anywhere, and none
// waits longer than a second for a loop that does not answer.
//
// The watchdog looks at the loops from a goroutine of its own. A turn that takes
// longer than Config.StallLimit, 100 ms by default, is logged with the task that
// holds the loop up, its name, where it was spawned, and its stack, and again while
// it lasts, after twice the time each. Config.OnStall gets the same as a [Stall].
// That is how a mutex, a channel or a time.Sleep in a task comes to light. While no
// loop has anything to do the watchdog sleeps.
//
// Connections of ServeReadable that are idle have no task to be seen: [Dump] and
// [Stats] count them. In a simulation (package poller/sim) a loop tells of itself
// alone, and has no watchdog.
//
// The profiler sees a task as the goroutine that it runs on. Config.ProfileLabels
// labels that with the task and the loop. pprof.Do works in a task as elsewhere,
// and puts the task's labels back, except that a task does not inherit the labels
// of the one that spawned it: its goroutine is not new. An execution trace (package
// runtime/trace) has a region for each task, "coro.task" with the function that
// spawned it, and one for each wait, "coro.wait read".
//
// How long each task has run, and how long tasks that are ready wait for their
// turn, takes a look at the clock around every resume. Config.Measure switches that
// on.
//
// # Costs
//
// Measured on Linux 6.18 and Go 1.26 on two virtual CPUs, by this package's tests
// and benchmarks:
//
//	a parked task with its Conn        3 KB: 2 KB of stack, 650 bytes of the
//	                                   coroutine's, 300 of ours
//	an idle one of ServeReadable       220 bytes
//	the limits of Serve                350 bytes a connection; ServeReadable's, none
//	a resume and a park                70 ns; the bare coroutine's are 62
//	Yield, through the loop's queue    110 ns
//	spawn and end of an empty task     250 ns, no allocation
//	WithScope                          170 ns, one allocation
//	Timeout, Shield                    155 and 115 ns, one allocation
//	a million sleeping tasks           3.06 GB
//	cancelling 100 000 of them         1 us each, up to their end
//	Blocking, of nothing               27 us, most of it two switches of threads;
//	                                   1.1 us each with 100 tasks at it
//	Send and Recv of a Chan            28 ns with a buffer of 64, 78 with one of 1,
//	                                   107 without: then each value is a switch
//	Lock and Unlock of a free Mutex    15 ns
//	Select of two cases that waits     40 ns more than Recv; an allocation for each
//	                                   case that is not kept
//	Send to an Inbox, and Recv         70 ns while the receiver is busy
//
// For comparison, two goroutines that hand a value to and fro through two channels
// take 360 ns for it, and 140 to hand one over.
//
// The stack is the price of straight-line code, and 2 KB is its smallest size: a
// handler that calls deep, or holds a buffer in a variable, has 4 KB or more, and
// keeps it. io.Copy from a Conn is as shallow as it can be, and has a buffer only
// while there are bytes in it. Connections that are idle most of their life need
// no stack, under ServeReadable.
package coro
