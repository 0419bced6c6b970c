// Package load offers a load to a TCP server, and checks every byte that comes
// back.
//
// A [Spec] says what to do: groups of connections, each with a role. An [Engine]
// does it, with one thread for all connections; a [Process] is an engine in a
// process of its own, or in several where one may not have so many descriptors.
//
// # Closed and open loops
//
// In a closed loop every connection sends a batch of Depth messages in one write,
// waits until all of them are back, and sends the next batch. There is never more
// than one batch per connection under way, so that a slow server slows the
// generator down: the figures tell what a message costs, and how long it takes with
// that many others under way.
//
// In an open loop every connection has a plan that does not depend on the server.
// When the server stands still, what is planned waits, and is sent all the same:
//
//	plan       |    |    |    |    |    |    |    |    |
//	server     ======      stands still       =================
//	closed     x    x .........................x    x    x
//	           2 latencies are good, 1 is bad: the stall is one sample
//	open       x    x ..........................xxxxxx    x
//	           everything planned in between has waited, and says so
//
// That is why latency is counted from the planned time. To count from the actual
// send, or not to send, is known as coordinated omission: see the README of wrk2
// (Gil Tene), and Schroeder, Wierman and Harchol-Balter, "Open Versus Closed",
// NSDI 2006.
//
// # Latency
//
// From before the write of a batch, or its planned time, to after the read of its
// last byte, on the generator's clock. It includes the generator's own queue: bytes
// that have arrived wait while the generator serves other connections. How late the
// generator was with sends is measured apart, and a run in which that is a tenth of
// the latency is marked: see [Measured].
//
// # What is checked
//
// All connections send from one block of random bytes, each from another place, and
// each batch from another place than the one before. A byte that is wrong, missing,
// left over or on the wrong connection ends the run with an error; comparing costs a
// memory comparison and no copy.
//
// A run ends when everything that was planned is sent and back, so that the counters
// of the server process, read before and after it, belong to exactly the messages
// that the run counts. Where that is not so, the [Outcome] says that it is void.
package load
