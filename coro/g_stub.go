//go:build amd64 || arm64

package coro

// currentG is the address of the running goroutine's descriptor in the Go
// runtime. It is only ever compared with another such number, never followed.
//
// Why it is correct: two goroutines that exist at the same time have different
// descriptors, and a descriptor does not move. A descriptor is used again after
// its goroutine has ended, so a number is forgotten (loop.running) before the
// coroutine it stands for ends. The assembly reads the register or the
// thread-local slot in which Go's own compiled code keeps the descriptor.
func currentG() uintptr
