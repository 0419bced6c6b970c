package exercise

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/weft-go/weft/coro"
	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

const (
	deskPort = 20
	deskPath = "/run/desk.socket"
	// mostTries is how often a client asks in a world where its questions can be
	// lost.
	//
	// Bound: the servers of a hostile world may be gone for seconds.
	mostTries = 60
)

// desk is a server that answers each question with some datagrams.
func (r *run) desk(name, network, at string) func(poller.OS) error {
	return r.loop(name, func(ctx context.Context, s *system) error {
		if r.over {
			return nil
		}
		orders := coro.NewInbox[struct{}](1)
		r.stops[name] = func() { _ = orders.TrySend(struct{}{}) }
		c, err := r.packetConfig().ListenPacket(ctx, network, at)
		for err != nil && r.postboxFaults(ctx, err) { // no descriptors
			if err := coro.Sleep(ctx, r.patience()); err != nil {
				return err
			}
			c, err = r.packetConfig().ListenPacket(ctx, network, at)
		}
		if err != nil {
			return err
		}
		b := r.postbox(s, c)
		return coro.WithScope(ctx, func(scope *coro.Scope) error {
			for range 1 + r.rng.IntN(3) {
				if err := scope.Daemon(func(ctx context.Context) error { return b.answerAll(ctx) }); err != nil {
					return err
				}
			}
			_, err := orders.Recv(ctx)
			return errors.Join(err, c.Close())
		})
	})
}

// answerAll answers up to the end of the socket.
func (b *postbox) answerAll(ctx context.Context) error {
	r := b.run
	for {
		type asked struct {
			question int
			from     poller.Addr
		}
		var questions []asked
		receive := func(ctx context.Context) error {
			return b.receive(func(question int, from poller.Addr) {
				if question > 0 && from != (poller.Addr{}) {
					questions = append(questions, asked{question, from})
				}
			})
		}
		var err error
		if r.chance(30) {
			err = coro.Timeout(ctx, r.patience(), receive)
		} else {
			err = receive(ctx)
		}
		for _, q := range questions {
			if err := b.send(q.question, 1+r.rng.IntN(3), q.from.PacketAddr()); err != nil && !r.mayRefuse(err) {
				if errors.Is(err, net.ErrClosed) || context.Cause(ctx) != nil {
					return nil
				}
				return fmt.Errorf("answer: %w", err)
			}
		}
		switch {
		case errors.Is(err, net.ErrClosed), context.Cause(ctx) != nil:
			return nil
		case err != nil && !r.postboxFaults(ctx, err):
			return err
		}
	}
}

// mayRefuse reports whether an error is only that the peer of a Unix socket has
// left, which it may do once it has its answer; or one of a world with faults.
func (r *run) mayRefuse(err error) bool {
	return r.hostile && !errors.Is(err, sim.ErrEnded) && !errors.Is(err, net.ErrClosed) || gone(err)
}

// correspondent is a client that asks questions, one after the other.
func (r *run) correspondent(h *sim.Host, name string) func(poller.OS) error {
	return r.loop(name, func(ctx context.Context, s *system) error {
		return coro.WithScope(ctx, func(scope *coro.Scope) error {
			for i := range 1 + r.rng.IntN(3) {
				if err := scope.Go(func(ctx context.Context) error {
					return r.correspond(ctx, h, s, fmt.Sprintf("/run/%s.%d", name[len(h.Name())+1:], i))
				}); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func (r *run) correspond(ctx context.Context, h *sim.Host, s *system, path string) error {
	if err := coro.Sleep(ctx, r.delay()); err != nil {
		return err
	}
	desk := poller.Addr{AddrPort: netip.AddrPortFrom(r.server.Addr(), deskPort)}
	if h == r.server && r.chance(40) {
		desk = poller.Addr{Path: deskPath}
	}
	open := func(ctx context.Context) (*coro.PacketConn, error) {
		connect, config := r.chance(60), r.packetConfig()
		switch {
		case desk.IsUnix() && connect:
			config.Local = path
			return config.DialPacket(ctx, "unixgram", desk.Path)
		case desk.IsUnix():
			return config.ListenPacket(ctx, "unixgram", path)
		case connect:
			return config.DialPacket(ctx, "udp", fmt.Sprint("server:", deskPort))
		}
		return config.ListenPacket(ctx, []string{"udp", "udp4"}[r.rng.IntN(2)], ":0")
	}
	c, err := open(ctx)
	for try := 0; err != nil && r.postboxFaults(ctx, err) && try < mostTries; try++ {
		if err := coro.Sleep(ctx, r.patience()); err != nil {
			return err
		}
		c, err = open(ctx)
	}
	if err != nil {
		if r.hostile && context.Cause(ctx) == nil {
			return nil
		}
		return fmt.Errorf("open a datagram socket: %w", err)
	}
	defer c.Close()
	b := r.postbox(s, c)
	r.open = append(r.open, addrOf(c.LocalAddr()))
	for range r.rng.IntN(6) {
		r.question++
		if err := b.ask(ctx, r.question, desk); err != nil {
			return err
		}
	}
	return nil
}

// ask repeats a question until it is answered. Where nothing can be lost it waits
// for the answer without an end now and then: then a lost wake-up is a hang.
func (b *postbox) ask(ctx context.Context, question int, desk poller.Addr) error {
	r := b.run
	certain := !r.lossy && r.chance(70)
	for try := 0; ; try++ {
		// Two ends that both wait for room at a Unix socket, and do not read, would
		// wait for ever.
		err := coro.Timeout(ctx, r.patience(), func(context.Context) error {
			return b.send(question, 1+r.rng.IntN(4), desk.PacketAddr())
		})
		if err != nil && !r.postboxFaults(ctx, err) {
			return fmt.Errorf("ask: %w", err)
		}
		if r.chance(10) && b.peer != "" && desk.AddrPort.IsValid() {
			if err := r.noise(ctx); err != nil {
				return err
			}
		}
		answered := false
		wait := func(ctx context.Context) error {
			for !answered {
				if err := b.receive(func(q int, _ poller.Addr) { answered = answered || q == question }); err != nil {
					return err
				}
			}
			return nil
		}
		if certain && b.sentSomething(question) {
			err = wait(ctx)
		} else {
			err = coro.Timeout(ctx, r.patience(), wait)
		}
		switch {
		case answered:
			return nil
		case err != nil && !r.postboxFaults(ctx, err):
			return fmt.Errorf("wait for an answer: %w", err)
		case try >= mostTries && r.lossy:
			return nil
		case try >= mostTries:
			r.fail("%s: question %d is not answered, after %d tries", b.from, question, try)
			return nil
		}
	}
}

// sentSomething reports whether the question is on its way: not only an odd
// datagram.
func (b *postbox) sentSomething(question int) bool {
	for _, p := range b.run.mail.parcels {
		if p.question == question && p.from == place(b.from) && p.state == parcelSent {
			return true
		}
	}
	return false
}

// noise is a datagram from a stranger to somebody's socket, which a connected one
// must not hear.
func (r *run) noise(ctx context.Context) error {
	to := r.open[r.rng.IntN(len(r.open))]
	if to.IsUnix() || to.Addr().IsUnspecified() {
		return nil
	}
	c, err := coro.DialPacket(ctx, "udp", to.String())
	if err != nil {
		if r.postboxFaults(ctx, err) {
			return nil
		}
		return err
	}
	defer c.Close()
	err = r.postbox(nil, c).send(0, 1, nil)
	if err != nil && !r.postboxFaults(ctx, err) && !gone(err) {
		return fmt.Errorf("noise: %w", err)
	}
	return nil
}
