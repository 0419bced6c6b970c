package measure

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxCounted is how many threads system calls are counted of.
//
// Bound: each takes a descriptor and some 10 us to open. A server with a thread
// for each of thousands of connections is not counted.
const maxCounted = 1024

// Calls counts the system calls of a process tree: an event of the kernel's
// (raw_syscalls:sys_enter) on each of its threads, which new threads and children
// inherit. It counts and takes no samples. Still, while it is open every call of
// the whole machine takes the kernel's slower way in, some 0.1 us more, so it is
// opened for a run of its own and never for the one that is timed.
//
// The Go runtime's own threads are in it: its monitor sleeps and looks, by time
// and not by message.
type Calls struct{ events []int }

// OpenCalls begins to count. It has to be closed. Errors: errors.ErrUnsupported
// where the kernel, or our rights, or the number of threads do not allow it.
func OpenCalls(pid int) (*Calls, error) {
	id, err := enterEvent()
	if err != nil {
		return nil, fmt.Errorf("no event for system calls (%w): %w", err, errors.ErrUnsupported)
	}
	attr := unix.PerfEventAttr{
		Type:   unix.PERF_TYPE_TRACEPOINT,
		Size:   uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
		Config: id,
		Bits:   unix.PerfBitInherit,
	}
	c := &Calls{}
	for _, tid := range threads(pid) {
		if len(c.events) == maxCounted {
			c.Close()
			return nil, fmt.Errorf("more than %d threads: %w", maxCounted, errors.ErrUnsupported)
		}
		fd, err := unix.PerfEventOpen(&attr, tid, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
		if errors.Is(err, unix.ESRCH) {
			continue // it ended after it was listed
		}
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("%w: %w", os.NewSyscallError("perf_event_open", err), errors.ErrUnsupported)
		}
		c.events = append(c.events, fd)
	}
	return c, nil
}

// Count is how many calls there were since c was opened.
func (c *Calls) Count() (uint64, error) {
	var sum uint64
	for _, fd := range c.events {
		var value [8]byte
		if _, err := unix.Read(fd, value[:]); err != nil {
			return 0, os.NewSyscallError("read", err)
		}
		sum += binary.NativeEndian.Uint64(value[:])
	}
	return sum, nil
}

// Close ends the counting.
func (c *Calls) Close() {
	for _, fd := range c.events {
		unix.Close(fd)
	}
	c.events = nil
}

// enterEvent is the number of the event; the trace file system is mounted at the
// one or the other place.
func enterEvent() (uint64, error) {
	var failures []error
	for _, root := range []string{"/sys/kernel/tracing", "/sys/kernel/debug/tracing"} {
		text, err := os.ReadFile(filepath.Join(root, "events/raw_syscalls/sys_enter/id"))
		if err == nil {
			return strconv.ParseUint(string(bytes.TrimSpace(text)), 10, 64)
		}
		failures = append(failures, err)
	}
	return 0, failures[0]
}

// threads lists the threads of a process and of its children.
func threads(pid int) (tids []int) {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, e := range entries {
		if tid, err := strconv.Atoi(e.Name()); err == nil {
			tids = append(tids, tid)
		}
	}
	for _, child := range children(pid) {
		tids = append(tids, threads(child)...)
	}
	return tids
}
