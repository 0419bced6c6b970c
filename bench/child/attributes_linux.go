package child

import "syscall"

// attributes keep a Ctrl-C in the terminal from reaching the child before it
// reaches us, and let the kernel kill the child when we are killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
