package coro

import (
	"bytes"
	"fmt"
	"runtime"
	"strconv"
)

// goroutineNumber is the number of the running goroutine, unique for the life of
// the process, as the header of its stack trace prints it. It is what currentG
// is where there is no assembly for it.
func goroutineNumber() uintptr {
	var buf [64]byte
	number, err := parseGoroutine(buf[:runtime.Stack(buf[:], false)])
	if err != nil {
		panic(err)
	}
	return number
}

// parseGoroutine finds the number in a stack trace: "goroutine 7 [running]:".
//
// Quirk(32 bits): the number is cut to a word. Two goroutines of one process
// would have to be 4 294 967 296 apart to be taken for each other.
func parseGoroutine(trace []byte) (uintptr, error) {
	rest, ok := bytes.CutPrefix(trace, []byte("goroutine "))
	digits, _, more := bytes.Cut(rest, []byte(" "))
	number, err := strconv.ParseUint(string(digits), 10, 64)
	if !ok || !more || err != nil {
		return 0, fmt.Errorf("coro: cannot tell goroutines apart: unknown form of a stack trace: %q", trace)
	}
	return uintptr(number), nil
}
