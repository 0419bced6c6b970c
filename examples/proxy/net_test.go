package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"github.com/weft-go/weft/examples/internal/child"
)

// roleVariable says which of the programs below the test binary is, where it is not
// the example.
const roleVariable = "WEFT_PROXY_ROLE"

func TestMain(m *testing.M) {
	example := main
	switch os.Getenv(roleVariable) {
	case "net":
		example = overNet
	case "load":
		example = load
	}
	child.Main(m, example)
}

// overNet is the proxy as it would be written over package net, for the bar: a
// goroutine for each flow, and io.Copy, which splices too.
func overNet() {
	var o options
	set := flag.NewFlagSet("net", flag.ExitOnError)
	addr := set.String("addr", "", "")
	o.define(set)
	_ = set.Parse(os.Args[1:])
	ln, err := net.Listen("tcp", *addr)
	check(err)
	fmt.Println("listening on", ln.Addr())
	for {
		client, err := ln.Accept()
		check(err)
		go func() {
			server, err := net.DialTimeout("tcp", o.upstreams[0], o.connectTimeout)
			check(err)
			go flowOverNet(server, client)
			flowOverNet(client, server)
		}()
	}
}

func flowOverNet(to, from net.Conn) {
	_, err := io.Copy(to, from)
	check(err)
	check(to.(*net.TCPConn).CloseWrite())
}

// load is an upstream that sends what its client asks for, and that client: for each
// line "ADDRESS BYTES" on the standard input it fetches so many through the proxy at
// this address, and answers with a line.
func load() {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Println("listening on", ln.Addr())
	piece := make([]byte, 256<<10)
	go func() {
		for {
			c, err := ln.Accept()
			check(err)
			go func() {
				defer c.Close()
				var size int
				if _, err := fmt.Fscanln(c, &size); err != nil {
					return
				}
				for ; size > 0; size -= len(piece) {
					_, err := c.Write(piece)
					check(err)
				}
			}()
		}
	}()
	buffer := make([]byte, len(piece))
	for {
		var addr string
		var size int64
		if _, err := fmt.Scanln(&addr, &size); err != nil {
			return
		}
		c, err := net.Dial("tcp", addr)
		check(err)
		_, err = fmt.Fprintln(c, size)
		check(err)
		got := int64(0)
		for got < size {
			n, err := c.Read(buffer)
			check(err)
			got += int64(n)
		}
		check(c.Close())
		fmt.Println("got", got)
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
