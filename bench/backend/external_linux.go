package backend

import "syscall"

// endWithUs lets the kernel ask the program to end when we are killed. Not kill it:
// its workers would live on.
func endWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
