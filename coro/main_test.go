package coro

import (
	"fmt"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails on goroutines and descriptors that the tests left behind. The
// only goroutines excused are those that a Goexit in a task has parked for good.
func TestMain(m *testing.M) {
	// The net package's own poller opens its descriptors with its first use.
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
	before := openDescriptors()
	status := m.Run()
	if status == 0 {
		if err := goleak.Find(goleak.IgnoreAnyFunction("github.com/weft-go/weft/coro.(*task).lose")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
		if after := openDescriptors(); after != before {
			fmt.Fprintf(os.Stderr, "descriptors open after the tests: got %d, want %d as before\n", after, before)
			status = 1
		}
	}
	os.Exit(status)
}

// openDescriptors counts this process's descriptors; 0 where there is no way to.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
