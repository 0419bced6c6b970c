package leaktest

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs the tests and ends the process. With the last test, no goroutine
// and no descriptor may be left that was not there before the first. The options
// excuse goroutines.
func Main(m *testing.M, excused ...goleak.Option) {
	// The runtime's own poller opens descriptors with the first socket, and
	// keeps them.
	if ln, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		ln.Close()
	}
	before := descriptors()
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(excused...); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines left behind:", err)
			code = 1
		}
		left := leftOf(before)
		for tries := 0; len(left) > 0 && tries < collections; tries++ {
			runtime.GC()
			time.Sleep(pause)
			left = leftOf(before)
		}
		if len(left) > 0 {
			fmt.Fprintln(os.Stderr, "descriptors left behind:", slices.Collect(maps.Values(left)))
			code = 1
		}
	}
	os.Exit(code)
}

// Package net keeps pipes for splicing in a pool, and closes them some time after two
// collections have found them unused: that much patience descriptors get.
const (
	collections = 20
	pause       = 10 * time.Millisecond
)

// leftOf is what is open and was not before.
func leftOf(before map[string]string) map[string]string {
	left := descriptors()
	maps.DeleteFunc(left, func(fd, _ string) bool { _, old := before[fd]; return old })
	return left
}

// descriptors maps the open descriptors to what they are; on systems without
// /proc it is empty. The directory's own descriptor is closed again by the
// time it is looked up, and so left out.
func descriptors() map[string]string {
	open := map[string]string{}
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if what, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); err == nil {
			open[e.Name()] = what
		}
	}
	return open
}
