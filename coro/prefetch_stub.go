//go:build amd64 || arm64

package coro

// prefetch asks the processor to bring the memory from `from` up to `to` into
// its caches, a line of 64 bytes at a time.
//
// Why it is correct: a prefetch is a hint. It reads nothing into the program,
// and an address that is not mapped, or belongs to something else by now, as a
// stack's does after the stack was moved, has no effect but a wasted line.
func prefetch(from, to uintptr)
