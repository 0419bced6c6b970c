//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package prefork

import "syscall"

// attributes has nothing: a worker notices the end of its master by the end of
// its link, unless it hangs.
func attributes(bool) *syscall.SysProcAttr { return nil }

// samePath is the program's file.
func samePath() string { return ownPath }

// openDescriptors is a guess where there is no way to count.
func openDescriptors() int { return 32 }

// monotonicMicros is for systemd, which there is none of.
func monotonicMicros() int64 { return 0 }
