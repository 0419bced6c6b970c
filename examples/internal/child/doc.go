// Package child lets the tests of an example drive it as a user does: as a
// process of its own, over TCP, with signals.
package child
