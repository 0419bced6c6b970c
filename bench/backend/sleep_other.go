//go:build !linux

package backend

import "time"

// sleepInKernel waits; here without keeping its thread.
func sleepInKernel(d time.Duration) { time.Sleep(d) }
