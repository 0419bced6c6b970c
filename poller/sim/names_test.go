package sim_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
)

func TestNamesResolveAsTheWorldSays(t *testing.T) {
	w := newWorld(t, sim.Config{})
	host := w.Host("host", "10.0.0.1", "fd00::1")
	broken := errors.New("broken")
	w.Name("broken").A.Err = broken
	w.Name("broken").Add(netip.MustParseAddr("fd00::7"))
	system := host.OS().(poller.Simulated)
	defer system.Close()
	for _, test := range []struct {
		network, name string
		addrs         string
		fails         error
	}{
		{"ip", "host", "[10.0.0.1 fd00::1]", nil},
		{"ip4", "host", "[10.0.0.1]", nil},
		{"ip6", "host", "[fd00::1]", nil},
		{"ip", "localhost", "[127.0.0.1]", nil},
		{"ip4", "broken", "[]", broken},
		{"ip6", "broken", "[fd00::7]", nil},
		{"ip", "broken", "[fd00::7]", nil},
	} {
		addrs, err := system.LookupNetIP(test.network, test.name)
		require.ErrorIs(t, err, test.fails, test.name)
		require.Equal(t, test.addrs, sprint(addrs), "%s of %s", test.network, test.name)
	}
	for _, unknown := range []struct{ network, name string }{{"ip", "nobody"}, {"ip6", "localhost"}} {
		_, err := system.LookupNetIP(unknown.network, unknown.name)
		var failed *net.DNSError
		require.ErrorAs(t, err, &failed)
		require.True(t, failed.IsNotFound)
	}
}

func sprint(addrs []netip.Addr) string {
	text := "["
	for i, a := range addrs {
		if i > 0 {
			text += " "
		}
		text += a.String()
	}
	return text + "]"
}

// Of a question for both families the later answer counts.
func TestNamesAnswerWithTheirDelays(t *testing.T) {
	w := newWorld(t, sim.Config{})
	w.Name("late").AAAA = sim.Answer{Delay: time.Hour}
	var took time.Duration
	w.Host("host").Go("ask", func(os poller.OS) error {
		return tasks(func(ctx context.Context) error {
			system := os.(poller.Simulated)
			system.GoLookup("ip4", "late", func() { require.Zero(t, w.Elapsed().Truncate(time.Minute)) })
			system.GoLookup("ip", "late", func() { took = w.Elapsed() })
			return nil
		})(os)
	})
	require.NoError(t, w.Run())
	require.Equal(t, time.Hour, took.Truncate(time.Minute))
}
