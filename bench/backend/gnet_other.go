//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package backend

import "context"

// gnet on Windows is built on package net and goroutines, so a comparison
// would say nothing about event loops.
var serveGnet, serveGnetTuned func(context.Context, Config) error
