package coro

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/weft-go/weft/poller/leaktest"
)

// The only goroutines excused are those that a Goexit in a task has parked for
// good.
func TestMain(m *testing.M) {
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/weft-go/weft/coro.(*task).lose"))
}

// openDescriptors counts this process's descriptors; 0 where there is no way to.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
