package exercise

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// guard is when a conversation in a hostile world is given up: its peer may have
// crashed. In the others nothing is, so that a hang is one.
const guard = 40 * time.Minute

// loop is a program whose loop runs tasks.
func (r *run) loop(name string, main func(ctx context.Context, s *system) error) func(poller.OS) error {
	return func(os poller.OS) error {
		s := r.system(name, os, reactor.Limits{})
		o := r.options(s)
		o.Limits = r.limits()
		return coro.Config{Reactor: o, Logger: o.Logger, MaxIdle: 1 + r.rng.IntN(5)}.Run(context.Background(), func(ctx context.Context) error {
			err := main(ctx, s)
			if stats, _ := coro.Stats(ctx); stats.Tasks != 1 {
				r.fail("%s: %d tasks at the end of main, want main alone", name, stats.Tasks)
			}
			return err
		})
	}
}

func (r *run) taskClient(h *sim.Host, name string) func(poller.OS) error {
	return r.loop(name, func(ctx context.Context, s *system) error {
		return coro.WithScope(ctx, func(scope *coro.Scope) error {
			for range 1 + r.rng.IntN(3) {
				if err := scope.Go(func(ctx context.Context) error { return r.visit(ctx, h, s) }); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// visit is a client's conversation.
func (r *run) visit(ctx context.Context, h *sim.Host, s *system) error {
	if err := coro.Sleep(ctx, r.delay()); err != nil {
		return err
	}
	to := r.target(h)
	if to.network == "tcp" && r.chance(30) {
		to.at = "server" + to.listen
	}
	var c *coro.Conn
	impatient := r.chance(20)
	dial := func(ctx context.Context) (err error) {
		c, err = coro.Dial(ctx, to.network, to.at)
		return err
	}
	var err error
	if impatient {
		err = coro.Timeout(ctx, r.upTo(100*time.Millisecond), dial)
	} else {
		err = dial(ctx)
	}
	if c == nil {
		if err == nil || !impatient && !r.hostile {
			return fmt.Errorf("dial: %w", err)
		}
		return nil
	}
	client, _ := r.conversation(c.LocalAddr().String())
	_ = client.open().talk(ctx, s, c)
	return nil
}

// talk is one end of a conversation: a task reads, another one writes, and both
// do it in every way there is.
func (e *end) talk(ctx context.Context, s *system, c *coro.Conn) error {
	r := e.run
	defer func() {
		e.close(c)
		e.finished = true
	}()
	talk := func(ctx context.Context) error {
		return coro.WithScope(ctx, func(scope *coro.Scope) error {
			if r.chance(5) {
				after := r.upTo(50 * time.Millisecond)
				_ = scope.Daemon(func(ctx context.Context) error {
					if err := coro.Sleep(ctx, after); err != nil {
						return nil
					}
					e.rude = true
					return scope.Cancel(errWhim)
				})
			}
			for _, part := range []func(context.Context, *system, *coro.Conn) error{e.listen, e.speak} {
				if err := scope.Go(func(ctx context.Context) error { return part(ctx, s, c) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if r.hostile {
		return coro.Timeout(ctx, guard, talk)
	}
	return talk(ctx)
}

// close is Close, which is rude while the peer may still be sending.
func (e *end) close(c *coro.Conn) {
	if !e.in.ended {
		e.rude = true
	}
	e.closed = true
	_ = c.Close()
}

// listen reads up to the end, or breaks off.
func (e *end) listen(ctx context.Context, s *system, c *coro.Conn) error {
	r := e.run
	buf := make([]byte, 1+r.rng.IntN(8000))
	for {
		if r.rng.IntN(150) == 0 {
			return e.breakOff(c)
		}
		n, err := e.patiently(ctx, s, c.SetReadDeadline, func() (int, error) {
			return c.Read(buf[:1+r.rng.IntN(len(buf))])
		})
		e.in.took(buf[:n])
		switch {
		case err == io.EOF:
			e.atEnd()
			return nil
		case err != nil && !impatient(ctx, err):
			e.failed(ctx, "read", err)
			return nil
		}
	}
}

// breakOff is an end of reading that the peer has not asked for.
func (e *end) breakOff(c *coro.Conn) error {
	e.rude = true
	switch e.run.rng.IntN(4) {
	case 0:
		panic(errWhim)
	case 1:
		return errWhim
	case 2:
		e.deaf = true
		_ = c.CloseRead()
		return nil
	}
	if e.run.chance(50) {
		_ = c.SetLinger(0)
	}
	e.close(c)
	return nil
}

// speak writes what there is to say, and ends it.
func (e *end) speak(ctx context.Context, s *system, c *coro.Conn) error {
	r := e.run
	if r.chance(10) {
		_ = c.SetWriteBuffer(500 << r.rng.IntN(6))
	}
	for left := r.size(); left > 0; {
		if r.chance(10) {
			if err := coro.Sleep(ctx, r.upTo(20*time.Millisecond)); err != nil {
				return nil
			}
		}
		p := e.out.begin(make([]byte, 1+r.rng.IntN(left)))
		n, err := e.patiently(ctx, s, c.SetWriteDeadline, func() (int, error) { return c.Write(p) })
		e.out.wrote(n)
		left -= n
		if err == nil && n < len(p) {
			r.fail("%s: a Write of %d bytes wrote %d and has no error", e.name, len(p), n)
		}
		if err != nil && !impatient(ctx, err) {
			e.failed(ctx, "write", err)
			return nil
		}
		if r.rng.IntN(300) == 0 {
			return e.breakOff(c)
		}
	}
	if err := c.CloseWrite(); err != nil {
		e.failed(ctx, "close write", err)
	}
	return nil
}

// patiently does something that may wait, as it is, or with one of the limits
// that there are. What was cut short has said how far it got.
func (e *end) patiently(ctx context.Context, s *system, deadline func(time.Time) error, do func() (int, error)) (n int, err error) {
	r := e.run
	patience := r.upTo(30 * time.Millisecond)
	scoped := func(context.Context) (err error) {
		n, err = do()
		return err
	}
	switch r.rng.IntN(8) {
	case 0:
		if deadline(s.Epoch().Add(s.Now()+patience)) == nil {
			n, err = do()
			_ = deadline(time.Time{})
		} else {
			n, err = do() // closed
		}
		return n, err
	case 1:
		err = coro.Timeout(ctx, patience, scoped)
		return n, err
	case 2:
		err = coro.Shield(ctx, func(ctx context.Context) error {
			return coro.Timeout(ctx, patience, scoped) // nothing else reaches into a shield
		})
		return n, err
	case 3:
		err = coro.Timeout(ctx, patience, func(ctx context.Context) error {
			return coro.WithScope(ctx, func(*coro.Scope) error { return scoped(ctx) })
		})
		return n, err
	}
	return do()
}

// impatient reports whether an error is only the end of an operation's patience.
func impatient(ctx context.Context, err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && context.Cause(ctx) == nil
}
