package poller_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/pollertest"
)

type backend struct {
	name string
	open func(poller.Config) (poller.OS, error)
}

// opener is b for the suite.
func (b backend) opener(t *testing.T, c poller.Config) poller.OS {
	t.Helper()
	os, err := b.open(c)
	require.NoError(t, err, "open %s", b.name)
	return os
}

// onEveryBackend runs a test that needs a real kernel.
func onEveryBackend(t *testing.T, test func(t *testing.T, l *pollertest.Loop)) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			test(t, pollertest.NewLoop(t, b.opener(t, poller.Config{})))
		})
	}
}

// Only the first Wait of an OS can show a wake-up that nobody called, so this
// opens many. A signal may end a Wait too, but not most.
func TestFirstWaitSleeps(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			const opens = 8
			early := 0
			for range opens {
				l := pollertest.NewLoop(t, b.opener(t, poller.Config{}))
				begin := l.Now()
				l.Turn(time.Millisecond)
				if l.Now()-begin < time.Millisecond {
					early++
				}
			}
			require.LessOrEqual(t, early, opens/4, "first Wait(1ms), %d times: returns before the time had passed", opens)
		})
	}
}

// Calls that count in milliseconds round up: a shorter wait would find nothing
// due. Only the lower bound is looked at.
func TestMillisecondBackendsRoundUp(t *testing.T) {
	for _, b := range backends {
		if b.name == "epoll" || b.name == "kqueue" {
			continue
		}
		t.Run(b.name, func(t *testing.T) {
			l := pollertest.NewLoop(t, b.opener(t, poller.Config{}))
			const rounds = 8
			early := 0
			for range rounds {
				begin := l.Now()
				l.Turn(1)
				if l.Now()-begin < time.Millisecond {
					early++
				}
			}
			require.LessOrEqual(t, early, rounds/4, "Wait(1ns), %d times: returns before a millisecond had passed", rounds)
		})
	}
}

// TestContract puts every backend through the suite.
func TestContract(t *testing.T) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) { pollertest.Run(t, b.opener) })
	}
}
