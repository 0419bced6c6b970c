package coro

import (
	"context"
	"net"

	"github.com/weft-go/weft/poller"
)

// ListenPacket opens a datagram socket on the task's loop that hears from everyone.
// The network is "udp", "udp4", "udp6" or "unixgram"; the host is an IP address or
// empty, and under "udp" an empty one is IPv6 and IPv4; port 0 lets the kernel choose.
// A Unix path follows the rules of Listen. It does not suspend. Errors: *net.OpError,
// ErrNotTask, ErrNoLoop.
func ListenPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	return PacketConfig{}.ListenPacket(ctx, network, address)
}

// DialPacket opens a datagram socket, from a task, on its loop, that sends to address
// and hears from it alone. Networks are those of ListenPacket; host and port may be
// names, which are resolved off the loop, and an empty or unspecified host is this
// machine. Nothing is sent: that nobody is there is what a later Read may tell.
// Errors: *net.OpError (errors.Is finds syscall.ENOENT and syscall.ECONNREFUSED for
// Unix sockets, the cause of ctx or of a cancelled scope; errors.As finds
// *net.DNSError), ErrNotTask, ErrNoLoop.
func DialPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	return PacketConfig{}.DialPacket(ctx, network, address)
}

// PacketConfig configures a datagram socket. The zero value works.
type PacketConfig struct {
	// Options are those of the socket. With ReusePort, the loops of several
	// goroutines can share a UDP port.
	Options poller.PacketOptions
	// Local is the address that DialPacket sends from, without names: by default
	// the kernel's choice, and for a Unix socket none, so that it cannot be
	// answered.
	Local string
	// Resolver resolves DialPacket's host names; net.DefaultResolver by default.
	Resolver Resolver
}

// ListenPacket is the function ListenPacket with a configuration.
func (c PacketConfig) ListenPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	at, err := poller.ParsePacketAddr(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err} // it names the address
	}
	l := t.loop()
	fd, err := l.reactor.OS().ListenPacket(at, c.Options)
	var conn *PacketConn
	if err == nil {
		conn, err = l.newPacketConn(fd, network, poller.Addr{})
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at.PacketAddr(), Err: err}
	}
	return conn, nil
}

// DialPacket is the function DialPacket with a configuration.
func (c PacketConfig) DialPacket(ctx context.Context, network, address string) (*PacketConn, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.begin(ctx); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	defer t.under(ctx)()
	var from poller.Addr
	if c.Local != "" {
		if from, err = poller.ParsePacketAddr(network, c.Local); err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
	}
	addrs, err := c.resolve(t, network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var first error // of several addresses, those that this machine has no way to fail
	for _, to := range addrs {
		conn, err := t.loop().connectPacket(network, from, to, c.Options)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = &net.OpError{Op: "dial", Net: network, Addr: to.PacketAddr(), Err: err}
		}
	}
	return nil, first
}

func (l *loop) connectPacket(network string, from, to poller.Addr, o poller.PacketOptions) (*PacketConn, error) {
	fd, err := l.reactor.OS().ConnectPacket(from, to, o)
	if err != nil {
		return nil, err
	}
	return l.newPacketConn(fd, network, to)
}

// resolve gives the addresses to try; there is one at least.
func (c PacketConfig) resolve(t *task, network, address string) ([]poller.Addr, error) {
	to, err := resolve(t, network, address, packetAddresses)
	if err != nil {
		return nil, err
	}
	if to.host == "" {
		return []poller.Addr{to.addr}, nil
	}
	d := Dialer{Resolver: c.Resolver}
	return d.lookupAll(t, network, to)
}

// DialContext is Dial for streams and DialPacket for datagrams, with the signature that
// libraries want of a dialler. The options of a datagram socket are its buffers.
func (d Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	switch network {
	case "udp", "udp4", "udp6", "unixgram":
		return d.dialPacket(ctx, network, address)
	}
	c, err := d.Dial(ctx, network, address)
	if err != nil {
		return nil, err // not a nil *Conn in an interface
	}
	return c, nil
}

func (d Dialer) dialPacket(ctx context.Context, network, address string) (net.Conn, error) {
	t, err := currentTaskOf(ctx)
	if err != nil {
		return nil, err
	}
	if d.Timeout > 0 {
		defer t.within(d.Timeout)()
	}
	options := poller.PacketOptions{SendBuffer: d.Options.SendBuffer, ReceiveBuffer: d.Options.ReceiveBuffer}
	c, err := PacketConfig{Options: options, Resolver: d.Resolver}.DialPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return c, nil
}

var (
	_ net.PacketConn = (*PacketConn)(nil)
	_ net.Conn       = (*PacketConn)(nil)
)
