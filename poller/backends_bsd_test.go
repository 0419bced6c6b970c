//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package poller_test

import "github.com/weft-go/weft/poller"

// backends are the ways to open the real kernel.
var backends = []backend{
	{"kqueue", poller.OpenNative},
	{"poll", func(c poller.Config) (poller.OS, error) {
		c.Backend = poller.BackendPoll
		return poller.Open(c)
	}},
}
