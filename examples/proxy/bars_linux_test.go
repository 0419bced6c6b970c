package main

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/examples/internal/paired"
)

// The bar: bytes per second of the proxy's CPU, beside a proxy over package net.
//
//	WEFT_BARS=1 go test -v -run Bar ./examples/proxy

const streamSize = 1 << 30

func TestBarBytesPerCPUSecond(t *testing.T) {
	rounds := paired.Asked(t, 9)
	source := paired.Start(t, paired.Options{CPU: paired.LoadCPU, Env: []string{roleVariable + "=load"}})
	defer source.Stop()
	paired.Rounds(rounds, func(weft bool) float64 {
		role := "net"
		if weft {
			role = ""
		}
		return bytesPerCPUSecond(t, source, role)
	}).AtLeast(t, 1.0, "bytes per second of CPU", "net")
}

// bytesPerCPUSecond sends a stream through a new proxy of the kind.
func bytesPerCPUSecond(t *testing.T, source *paired.Process, role string) float64 {
	t.Helper()
	p := paired.Start(t, paired.Options{
		CPU:  paired.ServerCPU,
		Env:  []string{roleVariable + "=" + role},
		Args: []string{"-addr", "127.0.0.1:0", "-upstream", source.Addr, "-check", "0"},
	})
	defer p.Stop()
	fetch(t, source, p.Addr, 64<<20) // to be warm
	before := p.CPU()
	fetch(t, source, p.Addr, streamSize)
	return streamSize / (p.CPU() - before).Seconds()
}

// fetch lets the load take a stream through the proxy at the address.
func fetch(t *testing.T, source *paired.Process, addr string, size int) {
	t.Helper()
	require.Equal(t, fmt.Sprintf("got %d\n", size), source.Ask(addr, size))
}
