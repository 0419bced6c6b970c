// Package backend holds the echo servers that bench compares: one file for
// each, and the [Registry] that names them.
//
// All of them do the same work: accept TCP connections, send back every byte
// in order, and close a connection when its peer has finished and everything
// was sent back. What differs is only who waits, and how.
//
// # Fairness
//
//   - TCP_NODELAY is on everywhere, keep-alive probes are off everywhere: a
//     probe would disturb the measurement of idleness.
//   - No listener is a Multipath TCP listener. Go's net package opens one by
//     default, and pays for it with every connection; raw sockets do not.
//   - Whoever has one buffer per loop has 64 KiB, whoever has one buffer per
//     connection has 4 KiB, where a backend lets us choose.
//   - The processors, the payload and its checks are the same: they belong to
//     the caller, not to a backend.
package backend
