//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package backend

import "context"

// Blocking reads of sockets need the calls of Unix.
var serveThreads func(context.Context, Config) error
