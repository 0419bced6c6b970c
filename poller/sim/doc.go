// Package sim is an operating system in memory: the same boundary as package
// poller's, with simulated hosts, a simulated network, and a clock that jumps.
// It is for tests of everything that runs on a loop, and it is public: test your
// own servers with it. Start here: whoever has read this package knows what a
// loop asks of a kernel, and what a kernel is free to answer.
//
//	func TestServer(t *testing.T) {
//		sim.Test(t, func(t *testing.T, w *sim.World) {
//			w.Host("server").Daemon("serve", serve) // func(poller.OS) error
//			require.NoError(t, w.RunFor(time.Millisecond)) // until it listens
//			w.Host("client").Go("ask", ask)
//		})
//	}
//
//	go test -run TestServer -weft.runs=1000
//
// # A world
//
//	World: a seed, a clock, a trace
//	+----------------------------------------------------------------+
//	|  Host "server" 10.0.0.1          Host "client" 10.0.0.2        |
//	|  +------------------------+      +------------------------+    |
//	|  | program     program    |      | program                |    |
//	|  |  | loop      | loop    |      |  | loop                |    |
//	|  |  v OS        v OS      |      |  v OS                  |    |
//	|  | descriptors, ports     |      | descriptors, ports     |    |
//	|  +-----------+------------+      +-----------+------------+    |
//	|              |         Link: latency,        |                 |
//	|              '------ bandwidth, loss, cut ---'                 |
//	+----------------------------------------------------------------+
//
// A program is a function with a loop in it, given to [Host.Go] or
// [Host.Daemon]: a reactor.Loop, coro's Run, or calls of the OS of one's own. It
// is not changed for the simulation; it only gets its OS from here.
//
// Only one program runs at a time, from one Wait to the next, and the world
// chooses which, by seed:
//
//	program A         program B         clock
//	   | runs            .              0.000 000 s
//	   | Wait: nothing   .
//	   '---------------> | runs         0.000 001 s
//	                     | Wait, at most 10 s
//	                     '---.
//	   nobody can run: jump to what is due first
//	   .---------------------'
//	   | runs: an event                 0.020 001 s
//
// So a test takes no time while everybody waits, and has no race in it: one
// seed is one run. Every choice comes from the seed: who runs next and for how
// long, the order of events, jitter, and every fault.
//
// # What is simulated
//
//   - Streams, as TCP has them: handshake and backlog, buffers and windows,
//     half-close, data that lingers behind a close, resets, keep-alive, and
//     repetitions and time-outs with the schedules of Linux.
//   - Datagrams, as UDP has them: buffers that overflow, refusals, multicast groups;
//     lost, doubled and out of order by dial ([Host.Datagrams] counts them).
//   - Unix sockets of both kinds, inside a host.
//   - Links: latency, jitter, bandwidth, loss, cuts of both directions or one,
//     partitions ([World.Link], [World.Partition]).
//   - Hosts that are paused, whose clock jumps, that crash and restart
//     ([Host.Crash]).
//   - Faults by [Dials]: for the world, for a host, changed by a script at a
//     moment ([World.At]). The first group of them are the freedoms of the
//     contract of package poller: [Freedoms] turns them all.
//
// The suite of the real kernels, poller/pollertest, holds for this one, with and
// without the freedoms.
//
// # What a test gets
//
// [Test] runs a test with one seed or many, and reports a failure with its seed,
// the virtual time, the end of the trace, and the command that repeats it. A
// world in which nothing can go on is an error, [ErrHang], that says who waits
// for what, each task of package coro's included. With -weft.check every seed runs
// twice and the traces are compared.
//
// # Time
//
// OS.Now, and with it every timer and deadline of a loop, is virtual. Inside
// Test time.Now is virtual too and says the same, because the test is in a
// bubble of testing/synctest. In a world made by [New] it is the machine's
// clock, which has nothing to do with the world's: deadlines are to be set
// relative to [World.Now] there. A deadline of time.Now().Add(d) is then decades
// away and never comes.
//
// # Limits
//
// A program must not lock its thread, nor wait for another program by a channel
// or a mutex: the other one cannot run. Goroutines that a program starts are
// not simulated; in a test of Test the clock waits for them, and anywhere else
// nobody does. Functions that block go through coro, whose helpers the world
// starts itself; the descriptors of a host are not the process's, so that nothing
// can be detached or passed on. All of a world belongs to one goroutine at a time;
// only Wake is for any.
package sim
