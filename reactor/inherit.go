package reactor

import (
	"net"

	"github.com/weft-go/weft/poller"
)

// Listeners that come from elsewhere: from a parent process, from systemd.

// ListenFD puts a listening stream socket on the loop that somebody else has
// opened, and that other processes may have open too. It must be non-blocking.
// It is the listener's from here on, except after an error. ListenOptions that
// concern the opening of a socket have no effect, and closing removes no path.
//
// Every loop and process that waits on one socket is woken by a connection, and
// those that come too late find nothing: with many of them a listener each
// (SO_REUSEPORT) costs less.
//
// Errors: *net.OpError with those of Register.
func (l *Loop) ListenFD(fd poller.FD, o ListenOptions, handler func(*Conn) Handler) (*Listener, error) {
	ln := &Listener{opts: o, handler: handler, shared: true}
	var err error
	if ln.addr, err = l.os.LocalAddr(fd); err == nil {
		err = l.listen(ln, fd)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: ln.addr.Network(), Err: err}
	}
	return ln, nil
}

// closeShared closes our descriptor of a socket that goes on living elsewhere.
//
// Quirk(linux): epoll registers the open file, not the number. Closing the number
// would leave the registration there, and its events would come for ever.
func (ln *Listener) closeShared() error {
	fd, err := ln.src.Deregister()
	if err != nil {
		return err
	}
	return ln.loop.os.CloseFD(fd)
}

// ListenFD is Loop.ListenFD for a group: the first loop accepts and hands
// connections out, by Options.Spread: SpreadLeastConns, else in turn. It is called
// before Run.
func (g *Group) ListenFD(fd poller.FD, o GroupListenOptions, handler func(*Conn) Handler) (*Listener, error) {
	ln, err := g.loops[0].ListenFD(fd, o.ListenOptions, handler)
	if err != nil {
		return nil, err
	}
	g.spread(ln, o.Spread)
	return ln, nil
}

// spread makes ln hand its connections out.
func (g *Group) spread(ln *Listener, s Spread) {
	switch {
	case len(g.loops) == 1: // no choice, and no call to make it
	case s == SpreadLeastConns:
		ln.pick = g.idlestLoop
	default:
		ln.pick = g.nextLoop
	}
}
