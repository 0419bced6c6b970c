package reactor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// Group is several loops that serve one address together, each on its own
// thread. A connection stays on the loop it was given to.
type Group struct {
	loops []*Loop
	next  int // round robin; the acceptor's loop only
}

// Spread is how a group's connections come to its loops.
type Spread uint8

const (
	// SpreadAuto is SpreadReusePort where the system has it and nothing
	// speaks against it, else SpreadRoundRobin.
	SpreadAuto Spread = iota
	// SpreadReusePort: every loop has a listener of its own on the same port
	// (TCP only), and the kernel chooses by a hash of the addresses. Nothing
	// passes between the loops, but the hash does not know who is busy, and a
	// handful of connections may all fall to one loop.
	SpreadReusePort
	// SpreadRoundRobin: the first loop accepts and hands connections out in
	// turn, by Post.
	SpreadRoundRobin
	// SpreadLeastConns: the first loop accepts and hands each connection to
	// the loop with the fewest.
	SpreadLeastConns
)

func (s Spread) String() string {
	if int(s) < 4 {
		return [...]string{"auto", "reuse port", "round robin", "least connections"}[s]
	}
	return fmt.Sprintf("Spread(%d)", uint8(s))
}

// GroupListenOptions configure a group's listener. The zero value works.
type GroupListenOptions struct {
	ListenOptions
	// Spread is SpreadAuto by default.
	Spread Spread
}

// NewGroup makes n loops of the same options, at least one. Options.OS must not
// be set: every loop has its own.
func NewGroup(n int, o Options) (*Group, error) {
	if o.OS != nil {
		return nil, errors.New("reactor: the loops of a group cannot share one OS")
	}
	g := &Group{}
	for range max(n, 1) {
		l, err := NewLoop(o)
		if err != nil {
			return nil, errors.Join(err, g.Close())
		}
		g.loops = append(g.loops, l)
	}
	return g, nil
}

// Loops are the group's loops.
func (g *Group) Loops() []*Loop { return g.loops }

// Listen opens a listener for the group and returns its address. It is called
// before Run. The handler function is called on the loop of the connection, so
// for several connections at a time, by several goroutines.
//
// Errors: those of Loop.Listen; errors.ErrUnsupported for SpreadReusePort where
// there is no such thing, on a Unix socket, and together with MaxConns, which
// takes one acceptor that counts.
func (g *Group) Listen(network, address string, o GroupListenOptions, handler func(*Conn) Handler) (net.Addr, error) {
	canShare := network != "unix" && o.MaxConns == 0
	switch o.Spread {
	case SpreadReusePort:
		if !canShare {
			return nil, &net.OpError{Op: "listen", Net: network, Err: fmt.Errorf("spread by %v: %w", o.Spread, errors.ErrUnsupported)}
		}
		return g.listenShared(network, address, o, handler)
	case SpreadAuto:
		if canShare && len(g.loops) > 1 {
			addr, err := g.listenShared(network, address, o, handler)
			if !errors.Is(err, errors.ErrUnsupported) {
				return addr, err
			}
		}
	}
	ln, err := g.loops[0].Listen(network, address, o.ListenOptions, handler)
	if err != nil {
		return nil, err
	}
	g.spread(ln, o.Spread)
	return ln.Addr(), nil
}

// listenShared opens one listener for each loop, all on the port that the first
// one got.
func (g *Group) listenShared(network, address string, o GroupListenOptions, handler func(*Conn) Handler) (net.Addr, error) {
	o.ReusePort = true
	var opened []*Listener
	for _, l := range g.loops {
		ln, err := l.Listen(network, address, o.ListenOptions, handler)
		if err != nil {
			for _, ln := range opened {
				_ = ln.Close()
			}
			return nil, err
		}
		opened = append(opened, ln)
		address = samePort(address, ln)
	}
	return opened[0].Addr(), nil
}

// samePort is the address with the port that ln is bound to.
func samePort(address string, ln *Listener) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return net.JoinHostPort(host, fmt.Sprint(ln.addr.Port()))
}

func (g *Group) nextLoop() *Loop {
	l := g.loops[g.next]
	g.next = (g.next + 1) % len(g.loops)
	return l
}

func (g *Group) idlestLoop() *Loop {
	idlest := g.loops[0]
	for _, l := range g.loops[1:] {
		if l.load.Load() < idlest.load.Load() {
			idlest = l
		}
	}
	return idlest
}

// Run runs every loop on a goroutine and thread of its own, until ctx ends and
// they have drained (see Loop.Run), or until one fails, which ends the others.
// It returns their errors, joined.
func (g *Group) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(g.loops))
	var all sync.WaitGroup
	for i, l := range g.loops {
		all.Add(1)
		go func() {
			defer all.Done()
			errs[i] = errors.New("reactor: runtime.Goexit in a callback ended a loop")
			defer func() {
				if errs[i] != nil {
					cancel()
				}
			}()
			errs[i] = l.Run(ctx)
		}()
	}
	all.Wait()
	return errors.Join(errs...)
}

// Stop makes Run return soon, without draining. Any goroutine may call it.
func (g *Group) Stop() {
	for _, l := range g.loops {
		l.Stop()
	}
}

// Close releases a group that does not run.
func (g *Group) Close() error {
	var errs []error
	for _, l := range g.loops {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
