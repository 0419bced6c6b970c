package poller_test

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails on descriptors and goroutines that a test left behind.
func TestMain(m *testing.M) {
	before := descriptors()
	code := m.Run()
	if code == 0 {
		if after := descriptors(); !slices.Equal(before, after) {
			fmt.Fprintf(os.Stderr, "descriptors after the tests: got %v, want %v\n", after, before)
			code = 1
		}
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// descriptors are the open ones, where the system lists them. Those of Go's own
// netpoller, which opens at its first use, do not count.
func descriptors() []string {
	entries, _ := os.ReadDir("/proc/self/fd")
	var open []string
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !goNetpoll[e.Name()] {
			open = append(open, e.Name()+" "+target)
		}
	}
	return open
}

// goNetpoll is what opening a pipe by package os opens besides.
var goNetpoll = func() map[string]bool {
	names := func() map[string]bool {
		entries, _ := os.ReadDir("/proc/self/fd")
		open := map[string]bool{}
		for _, e := range entries {
			if _, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
				open[e.Name()] = true
			}
		}
		return open
	}
	before := names()
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	r.Close()
	w.Close()
	opened := map[string]bool{}
	for name := range names() {
		if !before[name] {
			opened[name] = true
		}
	}
	return opened
}()
