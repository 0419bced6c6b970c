//go:build !linux

package coro

import "time"

// cpuTime: there is no portable way.
func cpuTime() (thread, process time.Duration) { return 0, 0 }
