package poller

import (
	"io"
	"net/netip"
	"runtime"
)

// LockThread locks the calling goroutine to its thread for a loop on os, and
// returns what ends the lock. On a [Simulated] both do nothing.
func LockThread(os OS) (unlock func()) {
	if _, simulated := os.(Simulated); simulated {
		return func() {}
	}
	runtime.LockOSThread()
	return runtime.UnlockOSThread
}

// Simulated is an OS in memory, as that of package poller/sim. A loop asks the
// machine for more than an OS gives: threads, names, files. On a Simulated it
// asks here, so that nothing slips past the simulation.
//
// A loop on a Simulated does not lock its goroutine to a thread: it runs as a
// coroutine, and those must be resumed with the thread locks they were made
// with. See [LockThread]. A type that wraps one embeds Simulated, not OS.
type Simulated interface {
	OS

	// Go runs fn in the place of a go statement: on another goroutine, at a
	// moment of the simulation's choice. Fn must not wait for anything
	// simulated. Close waits for those that have not ended: waiting for them in
	// another way would stop the simulation.
	Go(fn func())

	// LookupNetIP resolves a host name in the place of net.Resolver. The network
	// is "ip", "ip4" or "ip6". Error: *net.DNSError.
	LookupNetIP(network, host string) ([]netip.Addr, error)

	// GoLookup is Go for a function that calls LookupNetIP with the same
	// arguments: it runs when the answer is there, which a simulation may delay.
	GoLookup(network, host string, fn func())

	// Describe gives the simulation a function that writes what the loop's tasks
	// wait for, for its report of a deadlock. It is called while the loop is in
	// Wait, until Close.
	Describe(fn func(io.Writer))

	// Unlink removes the path of a Unix socket.
	Unlink(path string) error
}
