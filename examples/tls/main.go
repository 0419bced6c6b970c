// Tls is an echo server over crypto/tls, in tasks: one for each connection, all
// of them on one event loop. See README.md for the commands to try it.
//
//	go run ./examples/tls -addr 127.0.0.1:7000 -certs /tmp/certs
//	openssl s_client -quiet -connect 127.0.0.1:7000 -CAfile /tmp/certs/ca.pem
//
// A *coro.Conn is a net.Conn, so crypto/tls is used as it is, and a deadline or a
// cancellation reaches what a tls.Conn waits for without its knowing.
//
//	main.go       the program: flags, and what a signal does
//	config.go     the tls.Config: versions, protocols, clients' certificates
//	handshake.go  how many at a time, and how long; what a refused client is told
//	echo.go       the connection: echo, half-close, the last words
//
// # One task for one tls.Conn
//
// A tls.Conn protects itself with mutexes, and holds them while it waits for its
// connection. For goroutines that is fine. Of two tasks of one loop, the one that
// wants such a mutex stops the thread, and the one that has it never runs again:
// the loop stands still, with all its connections. That happens
//
//   - during the handshake, to any two tasks that use the tls.Conn: each waits for
//     handshakeMutex;
//   - after it, to one task that reads and one that writes. The writer waits for
//     room and holds the lock of the outgoing direction; the reader wants it as
//     soon as it has to send an alert or to answer a KeyUpdate. Whether it has to,
//     the client decides: by not reading, and sending rubbish.
//
// So here one task does all, as any protocol in which the sides take turns can. Where
// two are needed, the handshake is finished before the second one starts, and the
// tls.Conn is made over a net.Conn whose Write never waits: it queues for a third
// task, which writes to the socket, and who has much to say asks for room in the
// queue before. Both are in twotasks_test.go: the client that stops a loop, and
// the same client with such a queue. The watchdog of package coro finds loops that
// stand still, and names the task.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
)

func main() {
	var f flags
	cli.Main("tls", func(addr string) error { return listenAndServe(addr, f) }, f.define)
}

func (f *flags) define(set *flag.FlagSet) {
	f.certs.Define(set)
	set.StringVar(&f.clientCA, "client-ca", "", "file with what signs clients' certificates, PEM (default: ca.pem in -certs)")
	set.TextVar(&f.clientAuth, "client-auth", authNone, "clients' certificates: none, optional (verified if there is one) or required")
	set.IntVar(&f.limits.handshakes, "max-handshakes", maxHandshakes, "handshakes at a time; further ones wait")
	set.DurationVar(&f.limits.handshake, "handshake-timeout", 10*time.Second, "how long a handshake may take, with the wait for its turn")
	set.DurationVar(&f.limits.idle, "idle-timeout", 5*time.Minute, "how long a client may say nothing; 0 is for ever")
	set.DurationVar(&f.limits.answer, "answer-timeout", time.Minute, "how long a client may leave an answer unread; 0 is for ever")
	set.IntVar(&f.limits.conns, "max-conns", 10_000, "connections at a time; further ones wait to be accepted; 0 is no limit")
}

// limits are those of one server.
type limits struct {
	conns, handshakes       int
	handshake, idle, answer time.Duration
}

// drainTimeout is how long echoes may go on after a signal.
//
// Bound: who stops a server by hand waits for it.
const drainTimeout = 5 * time.Second

// stallLimit is when the watchdog speaks up.
//
// Bound: a mutex held too long is forever; less is a machine that has other work.
const stallLimit = time.Second

// server is what all connections of the loop share.
type server struct {
	limits limits
	config *tls.Config
	places *coro.Semaphore // for handshakes
}

func listenAndServe(addr string, f flags) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	switch l := f.limits; {
	case l.handshakes < 1 || l.handshake <= 0:
		return errors.New("-max-handshakes and -handshake-timeout are more than 0")
	case l.conns < 0 || l.idle < 0 || l.answer < 0:
		return errors.New("-max-conns, -idle-timeout and -answer-timeout are 0 or more")
	}
	return cli.UntilSignal(func(ctx context.Context) error {
		return newServer(config, f.limits).run(ctx, addr, func(a net.Addr) { fmt.Println("listening on", a) })
	})
}

func newServer(config *tls.Config, l limits) *server {
	return &server{limits: l, config: config, places: coro.NewSemaphore(l.handshakes)}
}

// run serves addr until ctx ends. listening is called with the address, on the
// loop.
func (s *server) run(ctx context.Context, addr string, listening func(net.Addr)) error {
	return coro.Server{
		Loops: 1, // what tasks share here, they share without locks
		Limits: coro.ServeConfig{
			MaxConns:       s.limits.conns,
			IdleTimeout:    s.limits.idle,
			RequestTimeout: s.limits.answer,
			DrainTimeout:   drainTimeout,
		},
		Config:   coro.Config{StallLimit: stallLimit},
		OnListen: listening,
	}.Run(ctx, "tcp", addr, s.handle)
}
