//go:build !race

package child

// Race tells that the test binary, and so the example, has the race detector.
const Race = false
