//go:build !linux

package pin

import (
	"errors"
	"fmt"
	"runtime"
)

// Allowed lists the processors that this process may use.
func Allowed() ([]int, error) {
	return nil, fmt.Errorf("pinning on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func siblings(int) []int { return nil }

// Process moves every thread of this process to cpus, which are none here.
func Process([]int) error { return nil }

// Child runs start.
func Child(_ []int, start func() error) error { return start() }
