//go:build !unix

package server

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
