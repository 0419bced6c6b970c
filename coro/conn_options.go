package coro

import (
	"errors"
	"net"
	"time"

	"github.com/weft-go/weft/poller"
)

// The options of net.TCPConn, under the same names. On a Unix socket those that
// are TCP's fail with errors.ErrUnsupported.

// SetNoDelay decides whether small writes are sent at once, which is the default,
// or wait for each other (Nagle's algorithm).
func (c *Conn) SetNoDelay(noDelay bool) error {
	return c.setTCP(func(set setter) error { return set(poller.NoDelay, number(noDelay)) })
}

// SetLinger says what Close does with what has not been sent or acknowledged. A
// negative number of seconds, the default: the kernel goes on sending. 0: it is
// dropped, and the peer gets a reset. A positive number: the kernel goes on for so
// long. Close does not wait for it; Run does, after its tasks have ended.
func (c *Conn) SetLinger(seconds int) error {
	return c.setTCP(func(set setter) error {
		if err := set(poller.Linger, max(seconds, -1)); err != nil {
			return err
		}
		if seconds > 0 || c.extra != nil {
			c.more().lingers = seconds > 0
		}
		return nil
	})
}

// SetKeepAlive turns keep-alive probes on or off.
func (c *Conn) SetKeepAlive(on bool) error {
	return c.setTCP(func(set setter) error { return set(poller.KeepAlive, number(on)) })
}

// SetKeepAlivePeriod sets how long the connection is silent before the first
// probe, rounded up to seconds; 0 is net's default of 15 s, and a negative period
// changes nothing. It turns nothing on.
func (c *Conn) SetKeepAlivePeriod(d time.Duration) error {
	return c.setTCP(func(set setter) error { return c.setKeepAliveIdle(set, d) })
}

// SetKeepAliveConfig sets all of it, as net.TCPConn has it: zero times are net's
// defaults (15 s, 15 s, 9 probes), negative ones change nothing. A time that is
// set, and that the system does not let one set, is errors.ErrUnsupported.
func (c *Conn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	return c.setTCP(func(set setter) error {
		optional := func(o poller.Option, value int, isDefault bool) error {
			if value < 0 {
				return nil
			}
			err := set(o, value)
			if isDefault && errors.Is(err, errors.ErrUnsupported) {
				return nil
			}
			return err
		}
		count := config.Count
		if count == 0 {
			count = defaultKeepAliveCount
		}
		return errors.Join(
			set(poller.KeepAlive, number(config.Enable)),
			c.setKeepAliveIdle(set, config.Idle),
			optional(poller.KeepAliveInterval, keepAliveSeconds(config.Interval), config.Interval == 0),
			optional(poller.KeepAliveCount, count, config.Count == 0),
		)
	})
}

// Package net's defaults.
const (
	defaultKeepAliveTime  = 15 * time.Second
	defaultKeepAliveCount = 9
)

// setKeepAliveIdle sets the idle time alone: poller's option turns probes on.
func (c *Conn) setKeepAliveIdle(set setter, d time.Duration) error {
	if d < 0 {
		return nil
	}
	on, err := c.loop.reactor.OS().Option(c.src.FD(), poller.KeepAlive)
	if err != nil {
		return err
	}
	return errors.Join(set(poller.KeepAliveIdle, keepAliveSeconds(d)), set(poller.KeepAlive, on))
}

// keepAliveSeconds rounds up; 0 is the default, negative stays so.
func keepAliveSeconds(d time.Duration) int {
	if d == 0 {
		d = defaultKeepAliveTime
	}
	if d < 0 {
		return -1
	}
	return int((d + time.Second - 1) / time.Second)
}

// SetReadBuffer and SetWriteBuffer set the bytes that the kernel holds in a
// direction. Without them it sizes its buffers by need.
func (c *Conn) SetReadBuffer(bytes int) error {
	return c.set(func(set setter) error { return set(poller.ReceiveBuffer, bytes) })
}

// SetWriteBuffer is SetReadBuffer for what is to be sent.
func (c *Conn) SetWriteBuffer(bytes int) error {
	return c.set(func(set setter) error { return set(poller.SendBuffer, bytes) })
}

func (c *Conn) setTCP(fn func(set setter) error) error {
	if !c.peer.IsValid() {
		return c.opError("set", errors.ErrUnsupported)
	}
	return c.set(fn)
}

func (c *Conn) set(fn func(set setter) error) error { return c.opError("set", c.setOptions(fn)) }

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
