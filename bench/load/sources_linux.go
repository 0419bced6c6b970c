package load

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/poller"
)

// sources gives connections their local addresses, and opens them.
type sources struct {
	to      netip.AddrPort
	server  unix.Sockaddr // to, of IPv4
	perAddr int           // connections from one address
	// congestion is what the connections run with, once there is one.
	congestion string
	noCubic    bool
}

// wanted is the congestion control of all our connections, where the system has
// it: others pace by timers (bbr), and then a large answer measures those.
const wanted = "cubic"

const (
	// portsShare of the local ports are used of one address. The last ones are
	// slow to find.
	portsShare = 0.7
	// portsUsual is how many there are where the system does not tell: 32768 to
	// 60999.
	portsUsual = 28_232
)

func newSources(to netip.AddrPort) sources {
	s := sources{to: to, perAddr: int(portsShare * float64(localPorts()))}
	if to.Addr().Is4() {
		s.server = &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	}
	return s
}

// localPorts is how many ports an address has for connections.
func localPorts() int {
	text, _ := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	fields := strings.Fields(string(text))
	if len(fields) != 2 {
		return portsUsual
	}
	first, err1 := strconv.Atoi(fields[0])
	last, err2 := strconv.Atoi(fields[1])
	if err1 != nil || err2 != nil || last < first {
		return portsUsual
	}
	return last - first + 1
}

// spreads reports whether there are more local addresses than one: Linux takes
// all of 127.0.0.0/8 for its own.
func (s *sources) spreads() bool { return s.to.Addr().Is4() && s.to.Addr().IsLoopback() }

// fit is how many connections there are ports for.
func (s *sources) fit() int {
	if s.spreads() {
		return s.perAddr * maxSources
	}
	return localPorts()
}

// maxSources bounds the local addresses that are used.
//
// Bound: 127.0.0.1 to 127.0.0.250, for millions of connections.
const maxSources = 250

// connect begins the connect of a connection by its number.
func (s *sources) connect(os poller.OS, number int) (poller.FD, error) {
	var fd poller.FD
	var err error
	if source := number / s.perAddr; source > 0 && s.spreads() {
		fd, err = s.connectFrom(byte(1 + source%maxSources))
	} else {
		fd, err = os.Connect(poller.Addr{AddrPort: s.to}, poller.SocketOptions{})
	}
	if err != nil {
		return fd, err
	}
	if !s.noCubic && unix.SetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION, wanted) != nil {
		s.noCubic = true // the others would not get it either
	}
	if s.congestion == "" {
		s.congestion, _ = unix.GetsockoptString(int(fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION)
	}
	return fd, nil
}

// connectFrom connects from 127.0.0.last.
//
// Quirk(linux): a bind chooses the port without knowing the server, so that a port
// could be used once and not once per server. IP_BIND_ADDRESS_NO_PORT (4.2) leaves
// the choice to the connect.
func (s *sources) connectFrom(last byte) (poller.FD, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return poller.NoFD, os.NewSyscallError("socket", err)
	}
	call, err := "setsockopt", unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}
	if err == nil {
		call, err = "bind", unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, last}})
	}
	if err == nil {
		call, err = "connect", unix.Connect(fd, s.server)
	}
	if err != nil && err != unix.EINPROGRESS {
		unix.Close(fd)
		return poller.NoFD, os.NewSyscallError(call, err)
	}
	return poller.FD(fd), nil
}

// used is how many addresses n connections from number first on come from.
func (s *sources) used(first, n int) int {
	if n == 0 {
		return 0
	}
	if !s.spreads() {
		return 1
	}
	return min((first+n-1)/s.perAddr-first/s.perAddr+1, maxSources)
}

func isTooManyFiles(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE)
}

func isAddressExhausted(err error) bool { return errors.Is(err, unix.EADDRNOTAVAIL) }

// tightenTimers lets the calling thread's sleeps end when they are to: by default
// they may be 50 us late, so that the kernel can wake several threads at once.
func tightenTimers() { _ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1000, 0, 0, 0) }
