//go:build !linux

package backend

import "context"

// The floor is a bare epoll loop, and epoll is Linux's.
var serveFloor func(context.Context, Config) error
