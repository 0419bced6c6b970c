//go:build !amd64 && !arm64

package coro

// prefetch is a hint that this architecture goes without; see prefetch_stub.go.
func prefetch(from, to uintptr) {}
