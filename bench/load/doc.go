// Package load drives an echo server over TCP and checks every byte it sends
// back.
//
// # Closed loop
//
// Every connection sends a batch of Depth messages in one write, waits until
// all of them are back, and sends the next batch. There is never more than one
// batch per connection under way, so a slow server slows the generator down:
// the figures tell what a message costs, and how long it takes with that many
// others under way. They do not tell what a server does to clients that keep
// to a timetable, which is a question for an open loop.
//
// # Latency
//
// From before the write of a batch to after the read of its last byte, on the
// generator's clock. With Depth 1 that is the latency of a message. It
// includes the generator's own queue: bytes that have arrived wait while the
// generator serves other connections.
//
// # What is checked
//
// All connections send from one block of random bytes, each from another
// place, and each batch from another place than the one before. A byte that
// is wrong, missing, left over or on the wrong connection ends the run with an
// error; comparing costs a memory comparison and no copy.
//
// A run ends when everything that was sent is back, so that the counters of
// the server process, read before and after it, belong to exactly the messages
// that the run counts.
//
// A [Generator] belongs to one goroutine. The caller locks that to a thread if
// it wants the thread pinned.
package load
