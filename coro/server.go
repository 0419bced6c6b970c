package coro

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Server serves an address on several loops, each on a thread of its own. The
// zero value works.
//
//	SpreadReusePort              SpreadRoundRobin, SpreadLeastConns
//
//	      port                          port
//	     /  |  \   the kernel            |
//	loop   loop  loop                 loop --> loop --> loop
//
// A connection stays on the loop it was given to, and its handler runs there:
// handlers of one loop share data without locks, those of different loops do not.
type Server struct {
	// Limits are those of serving. MaxConns is that of all loops together.
	Limits ServeConfig
	// Loops is how many; GOMAXPROCS by default.
	Loops int
	// Spread is how connections come to the loops; see reactor.Spread.
	Spread reactor.Spread
	// Listen has the options of the listener.
	Listen ListenConfig
	// Config is that of every loop. Its Reactor.OS must not be set: every loop
	// has its own.
	Config Config
	// OnListen is called, if it is not nil, with the address, when connections
	// are accepted there: which port the kernel chose, for instance. It is
	// called on a loop, so it must not block.
	OnListen func(net.Addr)
}

// Run makes the loops and serves address on them, as Serve does on one, until
// ctx ends. Every handler's ctx is that of its loop. The calling goroutine waits;
// it may not be a task.
//
// When ctx ends, the listeners are closed, and then the connections drain. Run
// returns the cause of ctx, once every handler has ended; or, before that, the
// errors of a loop that failed, which ends the others. Errors: those of Listen,
// Serve and the function Run; errors.ErrUnsupported for SpreadReusePort where
// there is no such thing, on a Unix socket, and together with MaxConns, which
// takes one task that counts.
func (s Server) Run(ctx context.Context, network, address string, handler func(ctx context.Context, c net.Conn) error) error {
	return s.run(ctx, network, address, func() *server { return &server{config: s.Limits, handler: handler} })
}

// RunReadable is Run with ServeReadable in place of Serve.
func (s Server) RunReadable(ctx context.Context, network, address string, handler func(ctx context.Context, c net.Conn) error) error {
	return s.run(ctx, network, address, func() *server {
		return &server{config: s.Limits, handler: handler, readable: true}
	})
}

func (s Server) run(ctx context.Context, network, address string, newServer func() *server) error {
	if insideLoop() {
		return ErrNested
	}
	if s.Config.Reactor.OS != nil {
		return errSharedOS
	}
	if s.Loops <= 0 {
		s.Loops = runtime.GOMAXPROCS(0)
	}
	f := &fleet{Server: s, network: network, address: address, listening: make(chan struct{})}
	if err := f.choose(); err != nil {
		return &net.OpError{Op: "listen", Net: network, Err: err}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	errs := make([]error, s.Loops)
	var all sync.WaitGroup
	for i := range s.Loops {
		all.Go(func() {
			errs[i] = errGoexit
			defer func() { cancel(errs[i]) }() // one that fails ends the others
			if i > 0 {
				select {
				case <-f.listening:
				case <-ctx.Done():
					errs[i] = context.Cause(ctx)
					return
				}
			}
			errs[i] = s.Config.Run(ctx, func(ctx context.Context) error { return f.main(ctx, newServer()) })
		})
	}
	all.Wait()
	return oneEach(errs)
}

var (
	// errGoexit is what a loop leaves behind that runtime.Goexit has ended.
	errGoexit = errors.New("coro: runtime.Goexit has ended a loop")

	errSharedOS = errors.New("coro: the loops of a Server cannot share one OS")
)

// oneEach joins errors, each of which counts once: that of ctx has ended every
// loop.
func oneEach(errs []error) error {
	var different []error
	for _, err := range errs {
		repeats := func(d error) bool { return reflect.TypeOf(err).Comparable() && err == d || isEcho(err, d) }
		if err != nil && !slices.ContainsFunc(different, repeats) {
			different = append(different, err)
		}
	}
	return joinOne(different...)
}

// fleet is the loops of a Server while it runs.
type fleet struct {
	Server
	network string

	// Written by the first loop until it closes listening.
	listening chan struct{}
	address   string     // with the port
	bound     net.Addr   // the first listener's
	shared    bool       // every loop has a listener of its own
	conns     *connCount // nil without a limit

	mu      sync.Mutex
	servers []*server // that run
	next    int       // whose turn it is
}

// choose decides how connections are spread.
func (f *fleet) choose() error {
	can := f.network != "unix" && f.Limits.MaxConns <= 0
	switch f.Spread {
	case reactor.SpreadReusePort:
		if !can {
			return fmt.Errorf("spread by %v: %w", f.Spread, errors.ErrUnsupported)
		}
		f.shared = true
	case reactor.SpreadAuto:
		f.shared = can && f.Loops > 1
	}
	return nil
}

// main is the main task of each loop.
func (f *fleet) main(ctx context.Context, s *server) error {
	if ln, err := f.listen(ctx, s); err != nil {
		return err
	} else if ln != nil {
		return s.run(ctx, func(t *task) error {
			defer ln.Close() // before the drain: who comes now is to go elsewhere
			f.join(s)
			return s.accept(t, ln)
		})
	}
	return s.run(ctx, func(t *task) error { f.join(s); return s.waitForEnd(t) })
}

// listen opens the loop's listener, if it is to have one.
func (f *fleet) listen(ctx context.Context, s *server) (*Listener, error) {
	select {
	case <-f.listening:
		f.enlist(s)
		if !f.shared {
			return nil, nil
		}
		return f.open(ctx)
	default: // the first one
	}
	ln, err := f.open(ctx)
	if f.shared && f.Spread == reactor.SpreadAuto && errors.Is(err, errors.ErrUnsupported) {
		f.shared = false
		ln, err = f.open(ctx)
	}
	if err != nil {
		return nil, err
	}
	if host, _, err := net.SplitHostPort(f.address); err == nil && !ln.addr.IsUnix() {
		f.address = net.JoinHostPort(host, strconv.Itoa(int(ln.addr.Port())))
	}
	f.bound = ln.Addr()
	if f.Limits.MaxConns > 0 {
		f.conns = &connCount{limit: int64(f.Limits.MaxConns), policy: f.Limits.OverLimit, acceptor: s}
	}
	f.enlist(s)
	close(f.listening)
	return ln, nil
}

// enlist tells a server what it shares with the others.
func (f *fleet) enlist(s *server) {
	s.conns = f.conns
	if !f.shared && f.Loops > 1 {
		s.fleet = f
	}
}

func (f *fleet) open(ctx context.Context) (*Listener, error) {
	c := f.Listen
	c.Options.ReusePort = c.Options.ReusePort || f.shared
	return c.Listen(ctx, f.network, f.address)
}

// join makes the server one that connections can be handed to. The last one says
// that all are there.
func (f *fleet) join(s *server) {
	f.mu.Lock()
	f.servers = append(f.servers, s)
	all := len(f.servers) == f.Loops
	f.mu.Unlock()
	if all && f.OnListen != nil {
		f.OnListen(f.bound)
	}
}

// handOut gives an accepted connection to one of the loops, and reports whether
// it was taken.
func (f *fleet) handOut(fd poller.FD, peer poller.Addr) bool {
	to := f.pick()
	to.load.Add(1)
	if to.loop.onLoop() {
		to.adopt(fd, peer)
		return true
	}
	err := to.loop.reactor.Post(func() {
		if to.draining {
			_ = to.loop.reactor.OS().Abort(fd)
			to.left()
			return
		}
		to.adopt(fd, peer)
	})
	if err != nil {
		to.load.Add(-1)
	}
	return err == nil
}

// pick chooses a loop: each in turn, or the one with the fewest connections.
func (f *fleet) pick() *server {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Spread == reactor.SpreadLeastConns {
		return slices.MinFunc(f.servers, func(a, b *server) int { return cmp.Compare(a.load.Load(), b.load.Load()) })
	}
	f.next++
	return f.servers[f.next%len(f.servers)]
}
