// Redis is a server of the Redis protocol, on tasks: strings with a time to live,
// and channels that clients publish to.
//
//	go run ./examples/redis -addr 127.0.0.1:7000
//	redis-cli -p 7000
//
// Redis is known for being fast on one thread: its data has no locks, because one
// loop does everything, a command at a time. So it is here. Each connection is a
// task that reads, executes and answers, and between two waits it has all the data
// to itself: INCR is a read and a write of a plain map.
//
//	main.go      the server: listening, flags, what a signal does
//	server.go    what the connections share
//	client.go    one connection: straight-line code
//	output.go    its answers: one write for many, and the limits
//	request.go   the parser: RESP, of what has arrived so far
//	inline.go    the parser: a line, as typed into nc
//	reply.go     the answers' encoding
//	command.go   the table of commands, and what all of them are checked for
//	keyspace.go  the data, and its clock
//	expiry.go    keys with a time to live
//	strings.go   GET, SET, INCR
//	keys.go      DEL, EXPIRE, TTL, KEYS
//	glob.go      patterns
//	pubsub.go    SUBSCRIBE, PUBLISH, and the end of slow readers
//	admin.go     what clients ask about the server: INFO, CONFIG, COMMAND
//
// It keeps nothing on a disk, and has one type, one database and no password.
package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
)

func main() {
	var l limits
	cli.Main("redis", func(addr string) error {
		if err := l.check(); err != nil {
			return err
		}
		return cli.UntilSignal(func(ctx context.Context) error {
			return coro.Config{StallLimit: stallLimit}.Run(ctx, func(ctx context.Context) error {
				ln, err := coro.Listen(ctx, "tcp", addr)
				if err != nil {
					return err
				}
				fmt.Println("listening on", ln.Addr())
				return serve(ctx, ln, l)
			})
		})
	}, l.define)
}

// stallLimit is how long a command may hold up the others before it is reported.
// KEYS of a million keys, or a value of megabytes, is no fault of the program.
const stallLimit = time.Second

// serve runs a server until ctx ends.
func serve(ctx context.Context, ln net.Listener, l limits) error {
	s := newServer(l)
	return coro.WithScope(ctx, func(scope *coro.Scope) error {
		if err := scope.Daemon(s.expireKeys); err != nil {
			return err
		}
		return coro.Serve(ctx, ln, s.serve)
	})
}

// limits are those that the command line sets.
type limits struct {
	maxBulk    int // bytes of one argument, so of a key and of a value
	maxClients int
}

// Bound: a client that sends the largest argument makes the server hold two times
// as much, while it arrives. Redis allows 512 MB.
const (
	defaultMaxBulk    = 16 << 20
	defaultMaxClients = 10_000
)

// The range of -max-bulk. The largest is that of Redis.
const (
	leastMaxBulk = 1 << 10
	mostMaxBulk  = 512 << 20
)

func (l *limits) define(flags *flag.FlagSet) {
	flags.IntVar(&l.maxBulk, "max-bulk", defaultMaxBulk, "bytes that a key or a value may have")
	flags.IntVar(&l.maxClients, "max-clients", defaultMaxClients, "connections that may be open")
}

func (l *limits) check() error {
	if l.maxBulk < leastMaxBulk || l.maxBulk > mostMaxBulk {
		return fmt.Errorf("-max-bulk %d: want %d to %d", l.maxBulk, leastMaxBulk, mostMaxBulk)
	}
	if l.maxClients < 1 {
		return fmt.Errorf("-max-clients %d: want at least 1", l.maxClients)
	}
	return nil
}
