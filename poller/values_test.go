package poller_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/weft-go/weft/poller"
)

func TestValuesPrintTheirNames(t *testing.T) {
	for _, c := range []struct {
		value fmt.Stringer
		want  string
	}{
		{poller.NewToken(7, 3), "7#3"},
		{poller.Readiness(0), "nothing"},
		{poller.Readable, "readable"},
		{poller.Readable | poller.HangUp, "readable|hang-up"},
		{poller.Readable | poller.Writable | poller.HangUp | poller.Urgent, "readable|writable|hang-up|urgent"},
		{poller.BackendDefault, "default"},
		{poller.BackendPoll, "poll"},
		{poller.Backend(9), "Backend(9)"},
		{poller.NoDelay, "no-delay"},
		{poller.KeepAliveIdle, "keep-alive idle"},
		{poller.SendBuffer, "send buffer"},
		{poller.ReceiveBuffer, "receive buffer"},
		{poller.Linger, "linger"},
		{poller.KeepAlive, "keep-alive"},
		{poller.KeepAliveInterval, "keep-alive interval"},
		{poller.KeepAliveCount, "keep-alive count"},
		{poller.MulticastTTL, "multicast TTL"},
		{poller.MulticastLoopback, "multicast loopback"},
		{poller.MulticastInterface, "multicast interface"},
		{poller.Option(99), "Option(99)"},
	} {
		require.Equal(t, c.want, c.value.String(), "text of %#v", c.value)
	}
}

func TestTokenKeepsItsHalves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slot, generation := rapid.Uint32().Draw(t, "slot"), rapid.Uint32().Draw(t, "generation")
		token := poller.NewToken(slot, generation)
		require.Equal(t, slot, token.Slot())
		require.Equal(t, generation, token.Generation())
	})
}

func TestOpenRefusesAnUnknownBackend(t *testing.T) {
	_, err := poller.Open(poller.Config{Backend: 9})
	require.Error(t, err)
	if len(backends) > 0 {
		require.NotErrorIs(t, err, errors.ErrUnsupported)
		require.ErrorContains(t, err, "Backend(9)")
	}
}
