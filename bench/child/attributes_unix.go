//go:build unix && !linux

package child

import "syscall"

// attributes keep a Ctrl-C in the terminal from reaching the child before it
// reaches us.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
