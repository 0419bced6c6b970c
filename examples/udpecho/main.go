// Udpecho is an echo server over UDP: one task, one socket, and two system calls
// for as many datagrams as have come meanwhile.
//
//	go run ./examples/udpecho -addr 127.0.0.1:7000
//	echo hello | socat -t1 - UDP:127.0.0.1:7000
//
// There is nobody to wait for: a datagram that has come can be answered at once. So
// one task is enough, and what a server of connections gains by tasks, this one gains
// by batches.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
	"github.com/weft-go/weft/poller"
)

func main() { cli.Main("udpecho", serve) }

func serve(addr string) error {
	return cli.UntilSignal(func(ctx context.Context) error {
		return coro.Run(ctx, func(ctx context.Context) error {
			c, err := coro.ListenPacket(ctx, "udp", addr)
			if err != nil {
				return err
			}
			fmt.Println("listening on", c.LocalAddr())
			return echo(ctx, c)
		})
	})
}

// largest is the room for a datagram. Longer ones are not answered.
//
// Bound: what fits an Ethernet frame, 1500 bytes, with some to spare; the room for a
// batch stays within the second-level cache.
const largest = 2048

func echo(ctx context.Context, c *coro.PacketConn) error {
	var in, out [poller.MaxDatagrams]coro.Message
	room := make([]byte, len(in)*largest)
	for i := range in {
		in[i].Payload = room[i*largest : (i+1)*largest]
	}
	for {
		n, err := c.ReadBatch(in[:])
		if err != nil && gone(ctx, err) {
			return err
		}
		answers := out[:0]
		for _, m := range in[:n] {
			if !m.Truncated {
				answers = append(answers, coro.Message{Payload: m.Payload[:m.N], Peer: m.Peer})
			}
		}
		for len(answers) > 0 {
			n, err := c.WriteBatch(answers)
			answers = answers[n:]
			if err == nil {
				continue
			}
			if gone(ctx, err) {
				return err
			}
			answers = answers[1:] // this one has no way to its client; the others have
		}
	}
}

// gone reports whether an error is the end: of the socket, or of the scope, whatever its
// cause. All others are about one datagram, and the socket goes on.
func gone(ctx context.Context, err error) bool {
	return errors.Is(err, net.ErrClosed) || ctx.Err() != nil
}
