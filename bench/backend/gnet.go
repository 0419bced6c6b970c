//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package backend

import (
	"bytes"
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
	if c.Workload == Room {
		c.Loops = 1
	}
	o.NumEventLoop = c.Loops
	o.ReuseAddr = true
	o.ReadBufferCap = loopBuffer
	o.Logger = silence{}
	h := &gnetHandler{ctx: ctx, ready: c.Ready, workload: c.Workload}
	// gnet.Run returns before its Stop does, which looks every half second
	// whether the engine has stopped: cancel ends that.
	h.stopping, h.stopped = context.WithCancel(context.Background())
	defer h.stopped()
	if err := gnet.Run(h, "tcp://"+c.Addr, gnet.WithOptions(o)); err != nil {
		return err
	}
	return h.bootError
}

// gnetHandler is the handler of all connections.
type gnetHandler struct {
	gnet.BuiltinEventEngine
	ctx       context.Context
	ready     func(string)
	bootError error
	workload  Workload
	room      members[gnet.Conn]

	stopping context.Context
	stopped  context.CancelFunc
}

// OnBoot runs when the listener exists, and so the kernel already queues
// connections.
func (h *gnetHandler) OnBoot(e gnet.Engine) gnet.Action {
	addr, err := gnetAddr(e)
	if err != nil {
		h.bootError = err
		return gnet.Shutdown
	}
	context.AfterFunc(h.ctx, func() { _ = e.Stop(h.stopping) })
	h.ready(addr)
	return gnet.None
}

// OnOpen lets a connection into the room.
func (h *gnetHandler) OnOpen(c gnet.Conn) ([]byte, gnet.Action) {
	if h.workload == Room {
		h.room.join(c)
	}
	return nil, gnet.None
}

// OnClose takes it out.
func (h *gnetHandler) OnClose(c gnet.Conn, _ error) gnet.Action {
	if h.workload == Room {
		h.room.leave(c)
	}
	return gnet.None
}

// OnTraffic answers what the loop has read, from the loop's own buffer.
func (h *gnetHandler) OnTraffic(c gnet.Conn) gnet.Action {
	switch h.workload {
	case Slow:
		return h.slow(c)
	case HTTP:
		return h.http(c)
	}
	buf, err := c.Next(-1)
	if err != nil {
		return gnet.Close
	}
	if h.workload == Room {
		for _, member := range h.room.all {
			_, _ = member.Write(buf)
		}
		return gnet.None
	}
	if _, err := c.Write(buf); err != nil {
		return gnet.Close
	}
	return gnet.None
}

// slow gives the work to gnet's pool of goroutines, as its documentation asks for.
// The context of a connection is set while it is worked for: what comes then stays
// in gnet's buffer, so that answers have the order of the messages.
func (h *gnetHandler) slow(c gnet.Conn) gnet.Action {
	for c.Context() == nil && c.InboundBuffered() >= SlowSize {
		message, err := c.Next(SlowSize)
		if err != nil {
			return gnet.Close
		}
		work := workOf(message)
		if work == nil {
			if _, err := c.Write(message); err != nil {
				return gnet.Close
			}
			continue
		}
		c.SetContext(work)
		answer := bytes.Clone(message)
		if goroutine.DefaultWorkerPool.Submit(func() { work(); _ = c.AsyncWrite(answer, h.worked) }) != nil {
			return gnet.Close
		}
	}
	return gnet.None
}

// worked goes on with what has come in the meantime. It runs on the loop, behind
// the write.
func (h *gnetHandler) worked(c gnet.Conn, err error) error {
	if err != nil {
		return nil // the connection is closed
	}
	c.SetContext(nil)
	if h.slow(c) == gnet.Close {
		return c.Close()
	}
	return nil
}

func (h *gnetHandler) http(c gnet.Conn) gnet.Action {
	data, err := c.Peek(-1)
	if err != nil {
		return gnet.Close
	}
	requests, consumed := countRequests(data)
	if _, err := c.Discard(consumed); err != nil {
		return gnet.Close
	}
	for range requests {
		if _, err := c.Write(httpAnswer); err != nil {
			return gnet.Close
		}
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
