package main

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/examples/internal/paired"
)

func TestMain(m *testing.M) {
	example := main
	if os.Getenv(hazardVariable) != "" {
		example = twoTasks
	}
	paired.Main(m, example, overNet)
}

// overNet is the same server over package net, with a goroutine for each
// connection, to compare with.
func overNet() {
	var f flags
	cli.Main("tls over net", func(addr string) error {
		config, err := f.config()
		if err != nil {
			return err
		}
		ln, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		fmt.Println("listening on", ln.Addr())
		for {
			c, err := ln.Accept()
			if err != nil {
				return err
			}
			go func() {
				defer c.Close()
				secure := tls.Server(c, config)
				if secure.Handshake() == nil {
					_ = echo(secure)
				}
			}()
		}
	}, f.define)
}
