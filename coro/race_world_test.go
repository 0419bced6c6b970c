package coro

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// The hosts of a race's world, by what they do with a connect.
const (
	client4, client6 = "10.0.0.1", "fd00::1"
	serves4, serves6 = "10.0.0.2", "fd00::2" // connects after 20 ms
	refuse4, refuse6 = "10.0.0.3", "fd00::3" // nobody listens: so it says after 20 ms
	silent4, silent6 = "10.0.0.4", "fd00::4" // never answers
	slow6            = "fd00::5"             // serves, and is as far away as a test says
)

// raceWorld is a world with these hosts, and a client that dials the host "name".
type raceWorld struct {
	*sim.World
	client *sim.Host
	slow   *sim.Link
	name   *sim.Name
	os     *connectOS
}

func newRaceWorld(w *sim.World) *raceWorld {
	r := &raceWorld{World: w, client: w.Host("client", client4, client6), name: w.Name("name")}
	for _, addr := range []string{serves4, serves6, refuse4, refuse6, silent4, silent6, slow6} {
		h := w.Host(addr, addr)
		link := w.Link(r.client, h)
		link.Set(sim.Conditions{Latency: 10 * time.Millisecond})
		switch addr {
		case silent4, silent6:
			link.Cut()
		case slow6:
			r.slow = link
			fallthrough
		case serves4, serves6:
			h.Daemon("serve", func(os poller.OS) error {
				return Config{Reactor: reactor.Options{OS: os}, Logger: slog.New(slog.DiscardHandler)}.Run(context.Background(), acceptAndWait)
			})
		}
	}
	return r
}

func acceptAndWait(ctx context.Context) error {
	ln, err := Listen(ctx, "tcp", ":7")
	if err != nil {
		return err
	}
	return Serve(ctx, ln, func(_ context.Context, c net.Conn) error {
		_, err := c.Read(make([]byte, 1))
		return err
	})
}

// resolves adds to the name's answers.
func (r *raceWorld) resolves(addrs ...string) {
	for _, a := range addrs {
		r.name.Add(netip.MustParseAddr(a))
	}
}

// dials runs a client that dials the name once the servers listen, and returns what
// has come of it, after how long, to the millisecond. Whatever came of it, one
// connection is open at most, and none when there was an error.
func (r *raceWorld) dials(t *testing.T, d Dialer, network string, under func(ctx context.Context, fn func(context.Context) error) error) (winner string, took time.Duration, err error) {
	t.Helper()
	r.client.Go("dial", func(os poller.OS) error {
		r.os = &connectOS{Simulated: os.(poller.Simulated)}
		return Config{Reactor: reactor.Options{OS: r.os}}.Run(context.Background(), func(ctx context.Context) error {
			if err := Sleep(ctx, time.Second); err != nil {
				return err
			}
			begin := r.Elapsed()
			var c *Conn
			err = under(ctx, func(ctx context.Context) (err error) {
				c, err = d.Dial(ctx, network, "name:7")
				return err
			})
			took = (r.Elapsed() - begin).Truncate(time.Millisecond)
			if err != nil {
				require.Nil(t, c)
				require.Empty(t, r.os.open, "descriptors after Dial has failed")
				return nil
			}
			require.Len(t, r.os.open, 1, "descriptors after Dial has succeeded")
			winner = c.RemoteAddr().(*net.TCPAddr).IP.String()
			if _, err := c.Write([]byte("x")); err != nil {
				return err
			}
			return c.Close()
		})
	})
	require.NoError(t, r.Run())
	require.Empty(t, r.os.open)
	return winner, took, err
}

func unbounded(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }

// connectOS knows what a loop has connected to, and which of it is open.
type connectOS struct {
	poller.Simulated
	tried []string
	open  []poller.FD
}

func (o *connectOS) Connect(to poller.Addr, options poller.SocketOptions) (poller.FD, error) {
	fd, err := o.Simulated.Connect(to, options)
	o.tried = append(o.tried, to.Addr().String())
	if err == nil {
		o.open = append(o.open, fd)
	}
	return fd, err
}

func (o *connectOS) CloseFD(fd poller.FD) error {
	o.open = slices.DeleteFunc(o.open, func(other poller.FD) bool { return other == fd })
	return o.Simulated.CloseFD(fd)
}
