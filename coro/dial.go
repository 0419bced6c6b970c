package coro

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Dial connects to address, from a task, on its loop. The network is "tcp",
// "tcp4", "tcp6" or "unix"; an empty or unspecified host is this machine. The names
// of hosts and ports are resolved off the loop. Of a host with several addresses
// the first one that answers is taken, by the rules of happy eyeballs (RFC 8305): see
// Dialer. If none does, the error is that of the first one tried.
//
// Errors: *net.OpError (errors.Is finds syscall.ECONNREFUSED,
// os.ErrDeadlineExceeded, the cause of ctx or of a cancelled scope; errors.As finds
// *net.DNSError), ErrNotTask, ErrNoLoop.
func Dial(ctx context.Context, network, address string) (*Conn, error) {
	return Dialer{}.Dial(ctx, network, address)
}

// Dialer configures dialling. The zero value works.
//
// For a name under "tcp" both families are asked for at once. The addresses are
// tried in turns of IPv6 and IPv4, IPv6 first unless its answer is late, and each
// try goes on while the next ones begin. The first to connect wins; the others are
// closed.
type Dialer struct {
	// Timeout is how long resolving and connecting may take together; 0 leaves
	// it to ctx and to the kernel, which gives up on an address after about
	// two minutes.
	Timeout time.Duration
	// AttemptDelay is how long an address is given to answer before the next one
	// is tried too; 250 ms by default. One that fails is followed at once. With
	// less time left than that for each address, by Timeout or ctx, they follow
	// one another faster, down to 100 ms. Negative: the next one is tried when the
	// last one has failed, or has had its share of the time: an equal part, and
	// two seconds at least.
	AttemptDelay time.Duration
	// Options are those of the connection.
	Options poller.SocketOptions
	// Resolver resolves host names; net.DefaultResolver by default.
	Resolver Resolver
}

// Resolver gives the addresses of a host, of one family: the network is "ip4" or
// "ip6". It is called on goroutines that are no tasks, for both families at the same
// time, and may block. When ctx ends nobody wants the answer any more. A
// *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dial is the function Dial with a configuration.
func (d Dialer) Dial(ctx context.Context, network, address string) (*Conn, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.begin(ctx); err != nil {
		return nil, dialError(network, poller.Addr{}, err)
	}
	defer t.under(ctx)()
	if d.Timeout > 0 {
		defer t.within(d.Timeout)()
	}
	to, err := resolve(t, network, address)
	if err != nil {
		return nil, dialError(network, poller.Addr{}, err)
	}
	if to.host != "" {
		return d.race(t, network, to)
	}
	c, err := t.connect(to.addr, d.Options)
	if err != nil {
		return nil, dialError(network, to.addr, err)
	}
	return c, nil
}

// dialError is the form in which errors of dialling reach the user: with the
// address, where it is one address's.
func dialError(network string, to poller.Addr, err error) error {
	failed := &net.OpError{Op: "dial", Net: network, Err: err}
	if to != (poller.Addr{}) {
		failed.Addr = to.NetAddr()
	}
	return failed
}

// connect connects to one address.
func (t *task) connect(to poller.Addr, o poller.SocketOptions) (*Conn, error) {
	c, err := t.loop().startConnect(to, o)
	if err != nil {
		return nil, err
	}
	for {
		if err = t.await(&c.src, reactor.Out); err != nil {
			break
		}
		if err = c.connectResult(); err != poller.ErrWouldBlock {
			break
		}
	}
	if err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// startConnect begins a connect. Its result is there when the connection is
// writable.
func (l *loop) startConnect(to poller.Addr, o poller.SocketOptions) (*Conn, error) {
	fd, err := l.reactor.OS().Connect(to, o)
	if err != nil {
		return nil, err
	}
	return l.newConn(fd, to)
}

// connectResult is how the connect has ended. poller.ErrWouldBlock: it has not, and
// the event was a spurious one.
func (c *Conn) connectResult() error {
	err := c.loop.reactor.OS().ConnectResult(c.src.FD())
	if err == poller.ErrWouldBlock {
		c.src.ClearReady(reactor.Out)
	}
	return err
}
