// Proxy is a TCP proxy in front of several servers that do the same.
//
//	python3 -m http.server 9001 &
//	python3 -m http.server 9002 &
//	go run ./examples/proxy -addr 127.0.0.1:7000 -upstream 127.0.0.1:9001 -upstream 127.0.0.1:9002
//	curl http://127.0.0.1:7000/
//
// Each connection goes to the next upstream that is up; one that does not answer
// in time is passed over. What comes from one side goes to the other, and so does
// the end of it: each direction ends by itself. Large streams move inside the kernel
// (splice): the proxy never has them.
//
// SIGUSR1 prints the counters. SIGTERM, or Ctrl-C, closes the listener, lets the
// connections finish for a while (-drain), and prints them too; a second one does not
// wait.
//
//	main.go      the command line, and what a signal does
//	proxy.go     accepting, and finding an upstream that answers
//	session.go   one connection through the proxy: two flows, and how they end
//	idle.go      sessions on which nothing moves
//	upstream.go  round robin, and who is up
//	health.go    checks
//	report.go    counters
//
// It is one loop: who is up, and where the round robin stands, are plain variables
// of all tasks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/examples/internal/cli"
)

// options are what the command line says.
type options struct {
	addr      string
	upstreams []string // host:port

	connectTimeout time.Duration // for one upstream
	idleTimeout    time.Duration // 0 is for ever
	drainTimeout   time.Duration
	maxConns       int
	checks         checks
}

func main() {
	var o options
	cli.Main("proxy", func(addr string) error {
		o.addr = addr
		return serve(o)
	}, o.define)
}

func (o *options) define(set *flag.FlagSet) {
	set.Func("upstream", "host:port of a server; once for each", func(addr string) error {
		o.upstreams = append(o.upstreams, addr)
		_, _, err := net.SplitHostPort(addr)
		return err
	})
	set.DurationVar(&o.connectTimeout, "connect-timeout", 2*time.Second, "time for an upstream to answer before the next one is tried")
	set.DurationVar(&o.idleTimeout, "idle", 10*time.Minute, "time after which a connection on which nothing moves is reset; 0 is never")
	set.DurationVar(&o.drainTimeout, "drain", 30*time.Second, "time for connections to finish after SIGTERM")
	set.IntVar(&o.maxConns, "max", 10_000, "connections at a time; further ones wait")
	set.DurationVar(&o.checks.interval, "check", 2*time.Second, "pause between two health checks of an upstream; 0 is none, and no upstream is taken down")
	set.DurationVar(&o.checks.timeout, "check-timeout", time.Second, "time for an upstream to answer a health check")
	set.IntVar(&o.checks.fall, "fall", 3, "failures in a row that take an upstream down")
	set.IntVar(&o.checks.rise, "rise", 2, "checks in a row that bring it up again")
}

func (o *options) validate() error {
	switch {
	case len(o.upstreams) == 0:
		return errors.New("no -upstream is named")
	case o.maxConns < 1 || o.checks.fall < 1 || o.checks.rise < 1:
		return errors.New("-max, -fall and -rise are 1 at least")
	case o.connectTimeout <= 0 || o.checks.timeout <= 0:
		return errors.New("-connect-timeout and -check-timeout are more than 0")
	}
	return nil
}

// serve runs the proxy until a signal.
func serve(o options) error {
	if err := o.validate(); err != nil {
		return err
	}
	// Quirk(go): from a thread that waits in the kernel the runtime takes its P (what it
	// needs to run Go code) away after 20 us, and looks for that all the time, unless
	// another P is idle. So with the only one, a loop that waits often spends a tenth
	// of its CPU on being looked at.
	runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 2))
	p := newProxy(o, func(line string) { fmt.Println(line) })
	err := coro.Run(context.Background(), func(ctx context.Context) error {
		ln, err := coro.Listen(ctx, "tcp", o.addr)
		if err != nil {
			return err
		}
		p.say("listening on " + ln.Addr().String())
		return coro.WithScope(ctx, func(s *coro.Scope) error {
			if err := s.Daemon(func(ctx context.Context) error { return p.drainOnSignal(ctx, ln, s) }); err != nil {
				return err
			}
			if err := s.Daemon(p.reportOnSignal); err != nil {
				return err
			}
			return p.serve(ctx, ln)
		})
	})
	if errors.Is(err, errDrained) {
		err = nil
	}
	if err == nil {
		p.report(os.Stdout)
	}
	return err
}

var errDrained = errors.New("the time to finish is over")

// drainOnSignal waits for the signal to end. Serving ends by itself when the last
// connection has gone, or by a second signal, or when the time is over.
func (p *proxy) drainOnSignal(ctx context.Context, ln net.Listener, s *coro.Scope) error {
	ends, err := coro.NotifySignals(ctx, os.Interrupt, syscall.SIGTERM)
	if err != nil {
		return err
	}
	defer ends.Close()
	if _, err := ends.Recv(ctx); err != nil {
		return err
	}
	if err := ln.Close(); err != nil {
		return err
	}
	err = coro.Timeout(ctx, p.drainTimeout, func(ctx context.Context) error {
		_, err := ends.Recv(ctx)
		return err
	})
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err // everybody has gone
	}
	return s.Cancel(errDrained)
}

// reportOnSignal prints the counters whenever it is asked to.
func (p *proxy) reportOnSignal(ctx context.Context) error {
	if len(reportSignals) == 0 {
		return coro.Sleep(ctx, math.MaxInt64)
	}
	asked, err := coro.NotifySignals(ctx, reportSignals...)
	if err != nil {
		return err
	}
	defer asked.Close()
	for {
		if _, err := asked.Recv(ctx); err != nil {
			return err
		}
		p.report(os.Stdout)
	}
}
