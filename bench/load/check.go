package load

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// MaxBatch is the most bytes of one batch.
//
// Bound: a batch is a slice of one block of random bytes that all connections
// share, so this is also how much memory the payload takes. Beyond a few MiB
// an echo measures memory bandwidth and nothing else.
const MaxBatch = 16 << 20

// slowMost is the longest work a message can ask for: a byte of milliseconds.
const slowMost = 255 * time.Millisecond

// workHeader is the bytes at the beginning of a message that say what work it asks for.
const workHeader = 2

// Check reports what is wrong with a Spec, as ErrSpec.
func (s Spec) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrSpec, fmt.Sprintf(format, args...))
	}
	if _, err := s.target(); err != nil {
		return bad("server %q is not an IP address and a port", s.Server)
	}
	if len(s.Groups) == 0 {
		return bad("no groups")
	}
	if s.ConnectRate < 0 || s.First < 0 || s.Spin < 0 {
		return bad("a negative connect rate, first connection or spin")
	}
	if !finite(s.ConnectRate) {
		return bad("connect rate %v", s.ConnectRate)
	}
	senders, listeners, others := 0, 0, 0
	names := map[string]bool{}
	for _, g := range s.Groups {
		if g.Name == "" || names[g.Name] {
			return bad("group %q: names are needed, and unique", g.Name)
		}
		names[g.Name] = true
		if why := g.check(); why != "" {
			return bad("group %q: %s", g.Name, why)
		}
		switch g.Role {
		case Sender:
			senders += g.Conns
		case Listener:
			listeners += g.Conns
		default:
			others++
		}
	}
	if senders > 1 || listeners > 0 && senders == 0 || senders > 0 && others > 0 {
		return bad("a room has one sender connection, and else only listeners")
	}
	return nil
}

// target is the server's address.
func (s Spec) target() (netip.AddrPort, error) {
	to, err := netip.ParseAddrPort(s.Server)
	if err == nil && to.Port() == 0 {
		err = fmt.Errorf("port 0")
	}
	return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), err
}

// standing is how many connections Dial opens.
func (s Spec) standing() int {
	n := 0
	for _, g := range s.Groups {
		if g.Role != Churn {
			n += g.Conns
		}
	}
	return n
}

// finite reports that a rate can be kept, and written as JSON.
func finite(rate float64) bool { return !math.IsNaN(rate) && !math.IsInf(rate, 0) }

var roles = []Role{Echo, Paced, Idle, Churn, Sender, Listener, Mute, Trickle, HTTP}

// check says what is wrong with a group, or nothing.
func (g Group) check() string {
	rotates := g.Role == Echo || g.Role == Paced
	open := g.Role == Paced || g.Role == Sender && g.Rate != 0
	switch {
	case !slices.Contains(roles, g.Role):
		return fmt.Sprintf("unknown role %q; there are: %v", g.Role, roles)
	case g.Conns < 1:
		return fmt.Sprintf("%d connections", g.Conns)
	case g.Size < 1 || g.Depth < 1 || g.Depth > MaxBatch/g.Size:
		return fmt.Sprintf("a batch of %d messages of %d bytes: want 1 to %d bytes", g.Depth, g.Size, MaxBatch)
	case g.Role == Sender && g.Size*g.Depth < roomBatchLeast:
		return fmt.Sprintf("a batch to a room of %d bytes: want at least %d", g.Size*g.Depth, roomBatchLeast)
	case g.Active < 0 || g.Active > g.Conns || g.Active > 0 && !rotates:
		return fmt.Sprintf("%d active connections of %d with role %s", g.Active, g.Conns, g.Role)
	case g.Rotate < 0 || g.Rotate > 0 && g.Active == 0:
		return fmt.Sprintf("rotation every %v of %d active connections", g.Rotate, g.Active)
	case !finite(g.Rate) || g.Rate < 0 || g.Role == Paced && g.Rate == 0 || g.Rate > 0 && !open:
		return fmt.Sprintf("rate %v with role %s", g.Rate, g.Role)
	case open && g.Arrivals != Fixed && g.Arrivals != Poisson:
		return fmt.Sprintf("unknown arrivals %q; there are: %s, %s", g.Arrivals, Fixed, Poisson)
	}
	return g.checkWork()
}

func (g Group) checkWork() string {
	switch {
	case g.Work == "" && g.SlowShare == 0:
		return ""
	case g.Work != Blocking && g.Work != CPU:
		return fmt.Sprintf("unknown work %q; there are: %s, %s", g.Work, Blocking, CPU)
	case g.SlowShare < 0 || g.SlowShare > 1:
		return fmt.Sprintf("a share of %v slow messages", g.SlowShare)
	case g.Size < workHeader:
		return fmt.Sprintf("%d bytes have no room for what work is asked for", g.Size)
	case g.Role == HTTP || g.Role == Sender || g.Role == Listener:
		return fmt.Sprintf("work with role %s", g.Role)
	case g.SlowShare > 0 && (g.SlowLeast < 0 || g.SlowLeast > g.SlowMost || g.SlowMost > slowMost):
		return fmt.Sprintf("work of %v to %v: want at most %v", g.SlowLeast, g.SlowMost, slowMost)
	}
	return ""
}
