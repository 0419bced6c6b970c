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
	if child := children[os.Getenv(childEnv)]; child != nil {
		child()
		os.Exit(0)
	}
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/weft-go/weft/coro.(*task).lose"))
}

// children are what this program does instead of testing when a test has started it
// as a child process, with the name in its environment.
var children = map[string]func(){}

const childEnv = "WEFT_TEST_CHILD"

// openDescriptors counts this process's descriptors; 0 where there is no way to.
func openDescriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries)
}
