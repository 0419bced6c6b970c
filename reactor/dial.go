package reactor

import (
	"net"
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
)

// DialOptions configure a dialled connection. The zero value works.
type DialOptions struct {
	ConnOptions
	// Timeout is how long the connection may take to be established; 0 leaves
	// it to the kernel, which gives up after about two minutes.
	Timeout time.Duration
}

// Dial begins a connection and returns at once. The handler's OnOpen tells that
// it is established, or OnClose, with the reason, that it is not: a *net.OpError
// (errors.Is finds syscall.ECONNREFUSED, os.ErrDeadlineExceeded and the like).
// Bytes written before that are sent when it is. Close and Abort give it up.
//
// The network is "tcp", "tcp4", "tcp6" or "unix"; the host is an IP address:
// the loop does not resolve names. Errors of Dial itself, after which the
// handler is not called: *net.OpError for an address that cannot be used or a
// connect that fails at once, ErrLoopClosed.
func (l *Loop) Dial(network, address string, o DialOptions, h Handler) (*Conn, error) {
	to, err := poller.ParseAddr(network, address)
	if err == nil && l.ending() {
		err = ErrLoopClosed
	}
	if err == nil && !to.IsUnix() && to.Addr().IsUnspecified() {
		to = loopback(to)
	}
	var fd poller.FD
	if err == nil {
		fd, err = l.os.Connect(to, o.SocketOptions)
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: to.NetAddr(), Err: err}
	}
	c, err := l.newConn(fd, to, o.ConnOptions.withDefaults(), connConnecting)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: to.NetAddr(), Err: err}
	}
	c.handler = h
	if o.Timeout > 0 {
		c.src.SetDeadline(Out, l.After(o.Timeout))
	}
	c.awaitConnect()
	return c, nil
}

func (c *Conn) awaitConnect() {
	if err := c.src.Await(Out, (*connWriter)(c)); err != nil {
		c.finish(c.opError("dial", err))
	}
}

// connected is the end of the wait for the connect's outcome.
func (c *Conn) connected(err error) {
	if err == nil {
		err = c.src.loop.os.ConnectResult(c.src.fd)
	}
	switch err {
	case nil:
		if t := c.src.deadlines; t != nil {
			c.src.SetDeadline(Out, t.established)
		}
		c.open()
	case poller.ErrWouldBlock: // the event was a spurious one
		c.src.ClearReady(Out)
		c.awaitConnect()
	default:
		c.finish(c.opError("dial", err))
	}
}

// loopback is where a connection to the unspecified address goes, as package
// net has it: to this machine.
func loopback(a poller.Addr) poller.Addr {
	ip := netip.IPv6Loopback()
	if a.Addr().Is4() || a.DualStack {
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return poller.Addr{AddrPort: netip.AddrPortFrom(ip, a.Port())}
}
