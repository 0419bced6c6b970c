//go:build unix && !linux

package server

import "syscall"

// attributes keep a Ctrl-C in the terminal from reaching the server before it
// reaches us.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
