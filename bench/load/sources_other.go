//go:build !linux

package load

import (
	"errors"
	"net/netip"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// sources opens connections. Other systems have one loopback address, and do not
// let a socket choose its congestion control, or not in one way.
type sources struct {
	to         netip.AddrPort
	congestion string
}

func newSources(to netip.AddrPort) sources { return sources{to: to} }

// fit is how many connections there are ports for: as IANA's range for them has,
// 49152 to 65535.
func (s *sources) fit() int { return 16_384 }

func (s *sources) connect(os poller.OS, _ int) (poller.FD, error) {
	return os.Connect(poller.Addr{AddrPort: s.to}, poller.SocketOptions{})
}

// used is how many addresses n connections come from.
func (s *sources) used(_, n int) int { return min(n, 1) }

func isTooManyFiles(err error) bool { return errors.Is(err, syscall.EMFILE) }

func isAddressExhausted(err error) bool { return errors.Is(err, syscall.EADDRNOTAVAIL) }

// tightenTimers has nothing to do: kqueue takes nanoseconds.
func tightenTimers() {}
