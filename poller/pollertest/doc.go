// Package pollertest is the contract of [poller.OS] as a test suite: every
// sentence of it is a sub-test of the same words.
//
// The suite sees nothing but the interface. Both ends of each connection belong
// to the OS under test, and time is read off its own clock, so a simulated
// kernel goes through the same suite as the real ones:
//
//	func TestContract(t *testing.T) {
//		pollertest.Run(t, func(t *testing.T, c poller.Config) poller.OS {
//			return sim.New(sim.Config{}).Host("host").Open(c)
//		})
//	}
//
// What only a real kernel has (signals, descriptor limits, out-of-band data,
// child processes) is tested in package poller itself, with the [Loop] of this
// package.
package pollertest
