//go:build !linux

package measure

import "errors"

// OfProcess reads another process's usage.
func OfProcess(int) (Usage, error) { return Usage{}, errors.ErrUnsupported }

// Threads is how many threads a process has; 0, as it cannot be told.
func Threads(int) int { return 0 }

// AnonymousBytes reads how much memory of a process is its own, in bytes.
func AnonymousBytes(int) (int64, error) { return 0, errors.ErrUnsupported }

// OfMachine reads what the whole machine has done.
func OfMachine([]int) (Machine, error) { return Machine{}, errors.ErrUnsupported }

// SocketOptions reads the options of a connection of another process.
func SocketOptions(int) (map[string]string, error) { return nil, errors.ErrUnsupported }

// Calls counts the system calls of a process tree.
type Calls struct{}

// OpenCalls begins to count.
func OpenCalls(int) (*Calls, error) { return nil, errors.ErrUnsupported }

// Count is how many calls there were since c was opened.
func (*Calls) Count() (uint64, error) { return 0, errors.ErrUnsupported }

// Close ends the counting.
func (*Calls) Close() {}
