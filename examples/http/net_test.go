package main

import (
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/valyala/fasthttp"
	"go.uber.org/goleak"

	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/examples/internal/paired"
)

func TestMain(m *testing.M) {
	// One goroutine of fasthttp's keeps the date, for good.
	paired.Main(m, main, overNet, goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))
}

// frugal, when set, makes overNet hold as little as fasthttp can.
const frugal = "WEFT_FRUGAL"

// overNet is fasthttp over package net, as its users have it, to compare with: the
// same limits and the same answer to /, a goroutine for each connection.
func overNet() {
	var f flags
	cli.Main("http over net", func(addr string) error {
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		s := &fasthttp.Server{
			Name:        "weft",
			Handler:     func(rc *fasthttp.RequestCtx) { rc.SetBodyString(welcome) },
			IdleTimeout: f.limits.idle,
		}
		f.limits.apply(s)
		if os.Getenv(frugal) != "" {
			s.ReduceMemoryUsage, s.StreamRequestBody = true, false // with both it keeps a buffer
		}
		fmt.Println("listening on", ln.Addr())
		return s.Serve(ln)
	}, f.define)
}
