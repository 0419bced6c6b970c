// Http is an HTTP/1.1 server: github.com/valyala/fasthttp as it is, in the tasks
// of one event loop. See README.md for the commands to try it.
//
//	go run ./examples/http -addr 127.0.0.1:8000
//	curl 127.0.0.1:8000
//
// A request has a task, and straight-line code that may wait. A connection that
// waits for its next request has none: no stack, no buffer, 220 bytes.
//
//	main.go      the program: flags, and what a signal does
//	server.go    a call of the handler: the requests that are there, then nothing
//	exchange.go  how fasthttp is made to return between two requests
//	secure.go    the same over TLS
//	limits.go    sizes and times, and what clients are told that exceed them
//	routes.go    what there is to ask for
//
// What fasthttp does in goroutines is left out: Hijack (see examples/websocket for
// a protocol after HTTP), TimeoutHandler, and its own Serve and Shutdown, whose
// work is done here by package coro.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"net"

	"github.com/weft-go/weft/examples/internal/certs"
	"github.com/weft-go/weft/examples/internal/cli"
)

func main() {
	var f flags
	cli.Main("http", func(addr string) error { return serve(addr, f) }, f.define)
}

// flags are what the command line says.
type flags struct {
	limits limits
	secure bool
	certs  certs.Flags
}

func (f *flags) define(set *flag.FlagSet) {
	set.BoolVar(&f.secure, "tls", false, "speak HTTPS")
	f.certs.Define(set)
	f.limits.define(set)
}

func serve(addr string, f flags) error {
	if err := f.limits.check(); err != nil {
		return err
	}
	var secure *tls.Config
	if f.secure {
		cert, err := f.certs.Load()
		if err != nil {
			return err
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1", "http/1.0"}}
	}
	return cli.UntilSignal(func(ctx context.Context) error {
		return newServer(f.limits, secure).run(ctx, addr, func(a net.Addr) { fmt.Println("listening on", a) })
	})
}
