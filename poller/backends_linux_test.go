package poller_test

import "github.com/weft-go/weft/poller"

// backends are the ways to open the real kernel.
var backends = []backend{
	{"epoll", poller.OpenNative},
	{"epoll without epoll_pwait2", func(c poller.Config) (poller.OS, error) {
		os, err := poller.OpenNative(c)
		if err != nil {
			return nil, err
		}
		return poller.WithoutPwait2(os), nil
	}},
	{"poll", func(c poller.Config) (poller.OS, error) {
		c.Backend = poller.BackendPoll
		return poller.Open(c)
	}},
}
