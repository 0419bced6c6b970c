// Package exercise holds a test only: random programs on simulated hosts that do
// everything packages reactor and coro can do, and check that what was promised
// is kept.
//
// One seed is one world: some hosts, a network between them, faults, and clients
// and servers, with tasks and with callbacks, whose every step is drawn. What
// they do is checked against what can be said of any such run:
//
//   - Bytes arrive once and in order, and an end of stream comes behind the last
//     of them (file pipe_test.go).
//   - A datagram arrives as it was sent, once, or twice where the dial says so, and
//     where it was sent; none that its sender was told not to have sent (file
//     mail_test.go).
//   - Nobody waits for ever: a world in which nothing can go on is an error of
//     package sim's.
//   - Every callback, task, timer and posted function runs once, none early, and
//     none after its end.
//   - Marks and budgets hold in every turn, and no call names a descriptor that
//     is not open (file system_test.go, between the loop and its system).
//   - At the end no task, no waiter and no descriptor is left.
//
// Goroutines beside the programs are in bubbles of their own: file
// outside_test.go. What cannot be in a world is not exercised: loops that make
// their own threads (coro.Server, reactor.Group), and descriptors that are handed
// out (Detach, File).
//
// Where a world has no faults, an error that nobody has caused is one of ours. In
// the others it is not, but all the rest holds.
//
//	go test ./poller/sim/exercise -exercise.seeds=10000
//
// A seed that fails is run alone, with the trace's last lines, by
//
//	go test ./poller/sim/exercise -exercise.first=417 -exercise.seeds=1
//
// That the exerciser would find something is a test too: it is run against copies
// of the packages into which a bug was planted (file mutant_test.go).
package exercise
