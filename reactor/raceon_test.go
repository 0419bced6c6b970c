//go:build race

package reactor

// raceEnabled: the race detector costs memory and time of its own, so counts
// of bytes mean nothing, and storms are smaller.
const raceEnabled = true
