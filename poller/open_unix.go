//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import "errors"

func open(c Config) (OS, error) {
	switch {
	case c.Backend == BackendPoll || c.Backend == BackendDefault && preferPoll:
		return newPoll(c)
	case c.Backend == BackendDefault:
		return newNative(c)
	}
	return nil, errors.New("poller: unknown " + c.Backend.String())
}
