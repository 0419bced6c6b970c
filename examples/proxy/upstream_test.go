package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUpstreamStatesHaveNames(t *testing.T) {
	require.Equal(t, "up", up.String())
	require.Equal(t, "down", down.String())
}

// One letter for each connect, s or f: the state after it.
func TestUpstreamFallsAndRises(t *testing.T) {
	for connects, want := range map[string]string{
		"ff":         "up up",
		"fff":        "up up down",
		"ffsff":      "up up up up up",
		"fffs":       "up up down down",
		"fffss":      "up up down down up",
		"fffsfs":     "up up down down down down",
		"fffssffsff": "up up down down up up up up up up",
	} {
		u := &upstream{checks: checks{interval: 1, fall: 3, rise: 2}, say: func(string) {}}
		got := ""
		for _, c := range connects {
			if c == 's' {
				u.succeeded()
			} else {
				u.failed(errors.New("no"))
			}
			if got != "" {
				got += " "
			}
			got += u.state.String()
		}
		require.Equal(t, want, got, connects)
	}
}

// Nothing would bring it up again.
func TestUpstreamThatIsNotCheckedStaysUp(t *testing.T) {
	u := &upstream{checks: checks{fall: 3, rise: 2}, say: func(string) {}}
	for range 4 {
		u.failed(errors.New("no"))
	}
	require.Equal(t, up, u.state)
}

func TestPoolGoesRoundThoseThatAreUp(t *testing.T) {
	p := &pool{}
	for _, name := range []string{"a", "b", "c"} {
		p.upstreams = append(p.upstreams, &upstream{addr: name})
	}
	// first takes up to n of one round.
	first := func(n int) (names string) {
		for u := range p.inTurn() {
			if names += u.addr; len(names) == n {
				break
			}
		}
		return names
	}
	require.Equal(t, "a", first(1))
	require.Equal(t, "b", first(1))
	require.Equal(t, "ca", first(2), "going on after a failure")
	require.Equal(t, "a", first(1), "takes nobody's turn")
	p.upstreams[1].state = down
	require.Equal(t, "c", first(1))
	require.Equal(t, "ac", first(3), "each once")
	require.Equal(t, "c", first(1))
	p.upstreams[0].state, p.upstreams[2].state = down, down
	require.Empty(t, first(1))
	p.upstreams[1].state = up
	require.Equal(t, "b", first(1))
}
