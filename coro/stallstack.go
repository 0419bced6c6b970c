package coro

import (
	"bytes"
	"fmt"
	"runtime"
	"unsafe"
)

const (
	// maxTraced is with how many goroutines, tasks included, the watchdog still
	// looks for a stack.
	//
	// Bound: the runtime stops every goroutine of the process while it writes
	// all their stacks, 5 us for each. 1000 are 5 ms, twenty times less than
	// the stall itself.
	//
	// Quirk(go): NumGoroutine counts dead ones too at the moment in which the
	// collector frees their stacks. Then there is a report without a stack.
	maxTraced = 1000

	// maxTrace is the most text of stacks.
	//
	// Bound: 1000 goroutines with 1 KB of text each, which is 10 frames.
	maxTrace = 1 << 20
)

// stackNow is the stack of the goroutine on which the loop stands still, or a note
// why there is none. The runtime gives one's own stack or all of them, so it is
// searched for.
func (l *loop) stackNow(seen glimpse) (stack, note string) {
	if n := runtime.NumGoroutine(); n > maxTraced {
		return "", fmt.Sprintf("no stack: there are %d goroutines, and it is searched for among %d at most", n, maxTraced)
	}
	all := make([]byte, maxTrace)
	all = all[:runtime.Stack(all, true)]
	if stack = findStack(all, l, seen); stack != "" {
		return stack, ""
	}
	if len(all) == maxTrace {
		return "", fmt.Sprintf("no stack: it is not in the first %d bytes of all stacks", maxTrace)
	}
	return "", "no stack: the loop has gone on"
}

// findStack finds among all stacks that of the task that was seen running, or
// without one that of the loop's own goroutine. Each has a frame whose function
// and first argument are known,
//
//	goroutine 9 [sleep, locked to thread]:
//	time.Sleep(0xbebc200)
//	...
//	github.com/weft-go/weft/coro.(*task).call(0x7c0c63c1b0)
//
// and is not in the state "coroutine", which those that are suspended in favour
// of another have.
func findStack(all []byte, l *loop, seen glimpse) string {
	frame := fmt.Appendf(nil, "coro.(*loop).turnUntil(%#x", uintptr(unsafe.Pointer(l)))
	if seen.task != 0 {
		frame = fmt.Appendf(nil, "coro.(*task).call(%#x", seen.task)
	}
	for stack := range bytes.SplitSeq(all, []byte("\n\n")) {
		header, _, _ := bytes.Cut(stack, []byte("\n"))
		_, after, found := bytes.Cut(stack, frame)
		if found && !isHex(after) && !bytes.Contains(header, []byte("[coroutine")) {
			return string(bytes.TrimSpace(stack))
		}
	}
	return ""
}

// isHex reports whether a number goes on.
func isHex(rest []byte) bool {
	return len(rest) > 0 && bytes.IndexByte([]byte("0123456789abcdef"), rest[0]) >= 0
}
