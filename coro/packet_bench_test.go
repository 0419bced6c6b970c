package coro

import (
	"context"
	"fmt"
	"net"
	"testing"
)

// What does a datagram of 64 bytes cost, sent over loopback and received again, alone
// and in batches, and through package net?
func BenchmarkDatagram(b *testing.B) {
	for _, size := range []int{1, 8, 64} {
		b.Run(fmt.Sprint("batch=", size), func(b *testing.B) {
			onLoop(b, func(ctx context.Context, _ *Scope) {
				c, err := ListenPacket(ctx, "udp4", "127.0.0.1:0")
				if err != nil {
					b.Fatal(err)
				}
				out, in := messages(size, 64), messages(size, 64)
				for i := range out {
					out[i].Peer = c.local
				}
				b.ReportAllocs()
				for range b.N / size {
					if _, err := c.WriteBatch(out); err != nil {
						b.Fatal(err)
					}
					for got := 0; got < size; {
						n, err := c.ReadBatch(in[got:])
						if err != nil {
							b.Fatal(err)
						}
						got += n
					}
				}
			})
		})
	}
	b.Run("net", func(b *testing.B) {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		buf, self := make([]byte, 64), c.LocalAddr().(*net.UDPAddr).AddrPort()
		b.ReportAllocs()
		for range b.N {
			if _, err := c.WriteToUDPAddrPort(buf, self); err != nil {
				b.Fatal(err)
			}
			if _, _, err := c.ReadFromUDPAddrPort(buf); err != nil {
				b.Fatal(err)
			}
		}
	})
}
