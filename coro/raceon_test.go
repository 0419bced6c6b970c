//go:build race

package coro

// raceEnabled: the race detector costs memory and allocations of its own, so
// counts of bytes mean nothing, and storms are smaller.
const raceEnabled = true
