//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package backend

import (
	"context"
	"net"
	"os"

	"github.com/panjf2000/gnet/v2"
	"github.com/panjf2000/gnet/v2/pkg/pool/goroutine"
)

// Quirk(gnet): a program that only imports gnet runs its pool of goroutines,
// which looks at the clock twice a second. It ends here, and gnet gets another
// when it serves, so that the idleness of the other backends is their own.
func init() { goroutine.DefaultWorkerPool.Release() }

// serveGnet is gnet as it comes. Three options are given all the same: the
// number of loops, SO_REUSEADDR, which package net sets as well, and a logger,
// because gnet's own writes to the standard output.
func serveGnet(ctx context.Context, c Config) error {
	return runGnet(ctx, c, gnet.Options{})
}

// serveGnetTuned locks gnet's loops to threads.
//
// Refused: EdgeTriggeredIO reads until EAGAIN, which is a third system call
// for every small message, and made gnet slower here. ReusePort gives each
// loop a listener of its own, which does not touch the cost of a message, and
// on port 0 every listener would choose another port.
func serveGnetTuned(ctx context.Context, c Config) error {
	return runGnet(ctx, c, gnet.Options{LockOSThread: true})
}

func runGnet(ctx context.Context, c Config, o gnet.Options) error {
	goroutine.DefaultWorkerPool = goroutine.Default()
	defer goroutine.DefaultWorkerPool.Release()
	o.NumEventLoop = c.Loops
	o.ReuseAddr = true
	o.ReadBufferCap = loopBuffer
	o.Logger = silence{}
	h := &gnetEcho{ctx: ctx, ready: c.Ready}
	// gnet.Run returns before its Stop does, which looks every half second
	// whether the engine has stopped: cancel ends that.
	h.stopping, h.stopped = context.WithCancel(context.Background())
	defer h.stopped()
	if err := gnet.Run(h, "tcp://"+c.Addr, gnet.WithOptions(o)); err != nil {
		return err
	}
	return h.bootError
}

// gnetEcho is the handler of all connections.
type gnetEcho struct {
	gnet.BuiltinEventEngine
	ctx       context.Context
	ready     func(string)
	bootError error

	stopping context.Context
	stopped  context.CancelFunc
}

// OnBoot runs when the listener exists, and so the kernel already queues
// connections.
func (h *gnetEcho) OnBoot(e gnet.Engine) gnet.Action {
	addr, err := gnetAddr(e)
	if err != nil {
		h.bootError = err
		return gnet.Shutdown
	}
	context.AfterFunc(h.ctx, func() { _ = e.Stop(h.stopping) })
	h.ready(addr)
	return gnet.None
}

// OnTraffic echoes what the loop has read, from the loop's own buffer.
func (h *gnetEcho) OnTraffic(c gnet.Conn) gnet.Action {
	buf, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if _, err := c.Write(buf); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// gnetAddr asks the kernel for the listener's address, which gnet keeps to
// itself.
func gnetAddr(e gnet.Engine) (string, error) {
	fd, err := e.Dup()
	if err != nil {
		return "", err
	}
	f := os.NewFile(uintptr(fd), "gnet listener")
	defer f.Close()
	ln, err := net.FileListener(f)
	if err != nil {
		return "", err
	}
	defer ln.Close()
	return ln.Addr().String(), nil
}

// silence drops gnet's log: errors that end the engine are returned by
// gnet.Run too, and a peer's reset is no news to a benchmark.
type silence struct{}

func (silence) Debugf(string, ...any) {}
func (silence) Infof(string, ...any)  {}
func (silence) Warnf(string, ...any)  {}
func (silence) Errorf(string, ...any) {}
func (silence) Fatalf(string, ...any) {}
