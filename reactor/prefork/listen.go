package prefork

import (
	"errors"
	"fmt"
	"net"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/reactor"
)

// Address is one to listen on.
type Address struct {
	// Network is "tcp", "tcp4", "tcp6" or "unix", Address an IP address or
	// nothing and a port, or a path: as for reactor.Loop.Listen.
	Network, Address string
	// Name is what systemd calls the socket (FileDescriptorName=), which is then
	// used. Without a name, one that is bound to the same address is.
	Name string `json:",omitempty"`

	// Shard tells the sockets apart that share an address by SO_REUSEPORT.
	Shard int `json:",omitempty"`

	fd int // once it is open
}

func (a Address) String() string { return a.Network + " " + a.Address }

// maxListeners bounds how many sockets one process inherits.
//
// Bound: a descriptor each, and each worker of a server with a descriptor limit of
// 64 has to live with them.
const maxListeners = 32

// ErrNotListener: a descriptor that was inherited is no listening stream socket.
var ErrNotListener = errors.New("prefork: an inherited descriptor is not a listener")

// socket is an open listening socket of the master.
type socket struct {
	Address
	bound poller.Addr
	path  reactor.PathGuard // the master's alone
}

// sockets are all that a master listens on. They stay open for as long as it
// lives: while no worker accepts, connections wait in the kernel's queue, and the
// port refuses nobody.
type sockets struct {
	os   poller.OS
	all  []*socket
	keep bool // the paths belong to a successor now
}

// open opens the addresses: those that are inherited are used as they are, the
// others are bound. Inherited ones that nobody wants are closed.
func (s *sockets) open(want []Address, have []Address, o poller.ListenOptions, shards int) error {
	var err error
	if s.os, err = poller.Open(poller.Config{}); err != nil {
		return err
	}
	for _, a := range want {
		at, err := poller.ParseAddr(a.Network, a.Address)
		if err != nil {
			return &net.OpError{Op: "listen", Net: a.Network, Err: err}
		}
		found := 0
		for i := range have {
			if h := &have[i]; h.fd != 0 && s.matches(a, at, *h) {
				if err := s.take(a, h); err != nil {
					return err
				}
				found++
			}
		}
		if found == 0 {
			if err := s.bind(a, at, o, shards); err != nil {
				return &net.OpError{Op: "listen", Net: a.Network, Addr: at.NetAddr(), Err: err}
			}
		}
	}
	for _, h := range have {
		if h.fd != 0 {
			closeFD(h.fd)
		}
	}
	if len(s.all) > maxListeners {
		return fmt.Errorf("prefork: %d listeners, more than %d", len(s.all), maxListeners)
	}
	return nil
}

// matches reports whether the inherited socket h is the one for a.
func (s *sockets) matches(a Address, at poller.Addr, h Address) bool {
	if h.Network != "" { // from a master: it says what it was opened for
		return h.Network == a.Network && h.Address == a.Address
	}
	if a.Name != "" {
		return h.Name == a.Name
	}
	bound, err := s.os.LocalAddr(listenerFD(h.fd))
	return err == nil && bound.AddrPort == at.AddrPort && bound.Path == at.Path
}

// take uses an inherited socket. A path is not ours to remove if systemd made it.
func (s *sockets) take(a Address, h *Address) error {
	bound, err := s.os.LocalAddr(listenerFD(h.fd))
	if err != nil {
		return err
	}
	k := &socket{Address: a, bound: bound}
	k.fd, k.Shard = h.fd, h.Shard
	if h.Network != "" {
		k.path = reactor.GuardPath(nil, bound)
	}
	h.fd = 0
	s.all = append(s.all, k)
	return nil
}

// bind opens a socket, or one for each shard.
func (s *sockets) bind(a Address, at poller.Addr, o poller.ListenOptions, shards int) error {
	if shards > 1 && at.IsUnix() {
		shards = 1
	}
	if shards > 1 {
		// A socket without SO_REUSEPORT is refused where anybody listens. With
		// it, a second server on the port would get half of our connections.
		fd, err := s.os.Listen(at, o)
		if err != nil {
			return err
		}
		if bound, err := s.os.LocalAddr(fd); err == nil && !at.IsUnix() { // port 0 is a number now
			dual := at.DualStack
			at = bound
			at.DualStack = dual
		}
		_ = s.os.CloseFD(fd)
		o.ReusePort = true
	}
	for shard := range max(shards, 1) {
		fd, err := s.os.Listen(at, o)
		if err != nil {
			return err
		}
		k := &socket{Address: a}
		k.fd, k.Shard = int(fd), shard
		s.all = append(s.all, k)
		if k.bound, err = s.os.LocalAddr(fd); err != nil {
			return err
		}
		k.path = reactor.GuardPath(nil, k.bound)
	}
	return nil
}

// forWorker are the sockets that a worker gets: all of them, or, of those that
// share an address, its part.
//
// Invariant: every socket is some worker's, since connections of one that nobody
// accepts from would wait for ever.
func (s *sockets) forWorker(slot, workers int) []*socket {
	var own []*socket
	for _, k := range s.all {
		shards := 0
		for _, other := range s.all {
			if other.Address.Network == k.Address.Network && other.Address.Address == k.Address.Address {
				shards++
			}
		}
		if shards == 1 || k.Shard%workers == slot || workers > shards && slot%shards == k.Shard {
			own = append(own, k)
		}
	}
	return own
}

// addrs are the addresses as they are bound, each once.
func (s *sockets) addrs() []net.Addr {
	var addrs []net.Addr
	for _, k := range s.all {
		if k.Shard == 0 {
			addrs = append(addrs, k.bound.NetAddr())
		}
	}
	return addrs
}

// close closes the sockets and removes their paths.
func (s *sockets) close() {
	for _, k := range s.all {
		if !s.keep {
			k.path.Remove()
		}
		closeFD(k.fd)
	}
	s.all = nil
	if s.os != nil {
		_ = s.os.Close()
	}
}
