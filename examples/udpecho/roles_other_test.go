//go:build !linux

package main

// roles is what the test binary is as a process of its own: the example.
func roles() { main() }
