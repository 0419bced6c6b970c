package server

import "syscall"

// attributes keep a Ctrl-C in the terminal from reaching the server before it
// reaches us, and let the kernel kill the server when we are killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
