package exercise

import (
	"context"
	"io"
	"net"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
)

// taskServer has a task for each connection, which talks as clients do.
func (r *run) taskServer(name string, at address) func(poller.OS) error {
	return r.loop(name, func(ctx context.Context, s *system) error {
		return r.serve(ctx, name, at, func(ctx context.Context, ln net.Listener) error {
			return r.serveConfig().Serve(ctx, ln, func(ctx context.Context, c net.Conn) error {
				_, server := r.conversation(c.RemoteAddr().String())
				return server.open().talk(ctx, s, c.(*coro.Conn))
			})
		})
	})
}

// stacklessServer answers each piece that it reads with a little something.
func (r *run) stacklessServer(name string, at address) func(poller.OS) error {
	return r.loop(name, func(ctx context.Context, s *system) error {
		return r.serve(ctx, name, at, func(ctx context.Context, ln net.Listener) error {
			return r.serveConfig().ServeReadable(ctx, ln, func(ctx context.Context, c net.Conn) error {
				_, e := r.conversation(c.RemoteAddr().String())
				conn := c.(*coro.Conn)
				if conn.State() == nil {
					conn.SetState(e.open())
				} else if conn.State() != any(e) {
					r.fail("%s has the state of %v", e.name, conn.State())
				}
				err := e.answer(ctx, s, conn)
				if err != nil {
					e.close(conn)
					e.finished = true
				}
				return err
			})
		})
	})
}

// mostAnswers bounds what a server says that does not read while it has something
// to say: one without tasks to spare, or one above its high-water mark. Two such
// ends with more than the buffers hold wait for each other for ever.
const mostAnswers = 10_000

func (e *end) answer(ctx context.Context, s *system, c *coro.Conn) (err error) {
	r := e.run
	defer func() {
		if v := recover(); v != nil {
			e.close(c)
			e.finished = true
			panic(v)
		}
	}()
	buf := make([]byte, 1+r.rng.IntN(5000))
	for range 1 + r.rng.IntN(3) {
		if r.rng.IntN(200) == 0 {
			e.rude = true
			if r.chance(50) {
				panic(errWhim)
			}
			return errWhim
		}
		n, err := c.Read(buf)
		e.in.took(buf[:n])
		if err == io.EOF {
			e.atEnd()
			return err
		}
		if err != nil {
			e.failed(ctx, "read", err)
			return err
		}
		if room := mostAnswers - e.out.sent; room > 0 && r.chance(50) {
			p := e.out.begin(make([]byte, 1+r.rng.IntN(min(room, 1000))))
			n, err := c.Write(p)
			e.out.wrote(n)
			if err != nil {
				e.failed(ctx, "write", err)
				return err
			}
		}
	}
	return nil
}

// serveConfig are limits that nobody's errors come from, but for the guard.
func (r *run) serveConfig() (c coro.ServeConfig) {
	if r.hostile {
		c.IdleTimeout, c.RequestTimeout = guard, guard
	}
	if r.chance(30) {
		c.MaxConns = 1 + r.rng.IntN(3)
	}
	if r.chance(30) {
		c.DrainTimeout = r.upTo(time.Second)
	}
	return c
}

// serve listens, and serves until it is told to end: by the end of the listener,
// or by a cancellation.
func (r *run) serve(ctx context.Context, name string, at address, serve func(context.Context, net.Listener) error) error {
	if r.over { // a host that restarts at the very end
		return nil
	}
	orders := coro.NewInbox[struct{}](1)
	r.stops[name] = func() { _ = orders.TrySend(struct{}{}) }
	listen := coro.ListenConfig{Options: poller.ListenOptions{ReusePort: at.shared}}.Listen
	ln, err := listen(ctx, at.network, at.listen)
	for err != nil && r.hostile { // no descriptors
		if err := coro.Sleep(ctx, time.Second); err != nil {
			return err
		}
		ln, err = listen(ctx, at.network, at.listen)
	}
	if err != nil {
		return err
	}
	gently := r.chance(50)
	return coro.WithScope(ctx, func(scope *coro.Scope) error {
		if err := scope.Daemon(func(ctx context.Context) error {
			if _, err := orders.Recv(ctx); err != nil {
				return nil
			}
			if gently {
				return ln.Close()
			}
			return scope.Cancel(errWhim)
		}); err != nil {
			return err
		}
		return serve(ctx, ln)
	})
}
