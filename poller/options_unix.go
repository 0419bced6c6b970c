//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// apply sets the options of o on a socket before it is bound or connected.
func (o SocketOptions) apply(fd int, at Addr) error {
	set := func(option Option, value int) error { return setOption(fd, option, value) }
	if !at.IsUnix() {
		if !o.Delay {
			if err := set(NoDelay, 1); err != nil {
				return err
			}
		}
		if o.KeepAliveIdle > 0 {
			if err := set(KeepAliveIdle, o.KeepAliveIdle); err != nil {
				return err
			}
		}
	}
	if o.SendBuffer > 0 {
		if err := set(SendBuffer, o.SendBuffer); err != nil {
			return err
		}
	}
	if o.ReceiveBuffer > 0 {
		return set(ReceiveBuffer, o.ReceiveBuffer)
	}
	return nil
}

func (s *sockets) SetOption(fd FD, o Option, value int) error {
	return setOption(int(fd), o, value)
}

func setOption(fd int, o Option, value int) error {
	var err error
	switch o {
	case NoDelay:
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value)
	case KeepAliveIdle:
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, boolInt(value > 0))
		if err == nil && value > 0 && tcpKeepIdle != 0 {
			err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, tcpKeepIdle, value)
		}
	case KeepAlive:
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, value)
	case KeepAliveInterval, KeepAliveCount:
		name := keepAliveName(o)
		if name == 0 {
			return fmt.Errorf("poller: set %v: %w", o, errors.ErrUnsupported)
		}
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, name, value)
	case SendBuffer:
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, value)
	case ReceiveBuffer:
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, value)
	case Linger:
		l := unix.Linger{Onoff: int32(boolInt(value >= 0)), Linger: int32(max(value, 0))}
		err = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &l)
	case MulticastTTL, MulticastLoopback, MulticastInterface:
		return setMulticast(fd, o, value)
	default:
		return fmt.Errorf("poller: set %v: %w", o, errors.ErrUnsupported)
	}
	return os.NewSyscallError("setsockopt", err)
}

func (s *sockets) Option(fd FD, o Option) (int, error) {
	var level, name int
	switch o {
	case NoDelay:
		level, name = unix.IPPROTO_TCP, unix.TCP_NODELAY
	case KeepAliveIdle:
		level, name = unix.SOL_SOCKET, unix.SO_KEEPALIVE
		if on, err := unix.GetsockoptInt(int(fd), level, name); err == nil && on != 0 && tcpKeepIdle != 0 {
			level, name = unix.IPPROTO_TCP, tcpKeepIdle
		}
	case KeepAlive:
		level, name = unix.SOL_SOCKET, unix.SO_KEEPALIVE
	case KeepAliveInterval, KeepAliveCount:
		if level, name = unix.IPPROTO_TCP, keepAliveName(o); name == 0 {
			return 0, fmt.Errorf("poller: read %v: %w", o, errors.ErrUnsupported)
		}
	case Linger:
		l, err := unix.GetsockoptLinger(int(fd), unix.SOL_SOCKET, unix.SO_LINGER)
		if err != nil {
			return 0, os.NewSyscallError("getsockopt", err)
		}
		if l.Onoff == 0 {
			return -1, nil
		}
		return int(l.Linger), nil
	case SendBuffer:
		level, name = unix.SOL_SOCKET, unix.SO_SNDBUF
	case ReceiveBuffer:
		level, name = unix.SOL_SOCKET, unix.SO_RCVBUF
	case MulticastTTL, MulticastLoopback, MulticastInterface:
		return multicastOption(int(fd), o)
	default:
		return 0, fmt.Errorf("poller: read %v: %w", o, errors.ErrUnsupported)
	}
	value, err := unix.GetsockoptInt(int(fd), level, name)
	if (o == NoDelay || o == KeepAlive) && value != 0 {
		value = 1 // the BSDs report the flag's bit
	}
	return value, os.NewSyscallError("getsockopt", err)
}

// keepAliveName is the option's name in TCP, 0 where there is none.
func keepAliveName(o Option) int {
	if o == KeepAliveInterval {
		return tcpKeepInterval
	}
	return tcpKeepCount
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
