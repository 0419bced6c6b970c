package sim

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/weft-go/weft/poller"
)

// options are a socket's. NoDelay is only remembered: every segment is sent at
// once.
type options struct {
	delay                     bool
	keepAlive                 bool
	keepAliveIdle             int // seconds, as all three
	keepAliveInterval         int
	keepAliveCount            int
	sendBuffer, receiveBuffer int
	linger                    int
	lingerReset               bool
}

// defaultBuffer is the size of a connection's buffers.
//
// Bound: small beside Linux's megabytes, so that full buffers, which are where
// the mistakes are, come often, and ten thousand connections fit a test.
const defaultBuffer = 64 << 10

func optionsOf(o poller.SocketOptions) options {
	set := options{delay: o.Delay, keepAlive: o.KeepAliveIdle > 0, keepAliveIdle: o.KeepAliveIdle, linger: -1,
		sendBuffer: 2 * o.SendBuffer, receiveBuffer: 2 * o.ReceiveBuffer} // doubled, as on Linux
	if set.sendBuffer == 0 {
		set.sendBuffer = defaultBuffer
	}
	if set.receiveBuffer == 0 {
		set.receiveBuffer = defaultBuffer
	}
	return set
}

func (f *file) options() *options {
	switch {
	case f.packets != nil:
		return &f.packets.options
	case f.listener != nil:
		return &f.listener.options
	}
	return &f.stream.options
}

// watch tells a connection that its keep-alive was set.
func (f *file) watch() {
	if f.stream != nil {
		f.stream.watch()
	}
}

// SetOption sets an option.
func (o *system) SetOption(fd poller.FD, option poller.Option, value int) error {
	f, errno := o.process.file(fd)
	if errno != 0 {
		return os.NewSyscallError("setsockopt", errno)
	}
	set := f.options()
	switch option {
	case poller.MulticastTTL, poller.MulticastLoopback, poller.MulticastInterface:
		if errno := f.setMulticast(option, value); errno != 0 {
			return os.NewSyscallError("setsockopt", errno)
		}
	case poller.NoDelay:
		set.delay = value == 0
	case poller.KeepAliveIdle:
		set.keepAlive, set.keepAliveIdle = value > 0, value
		f.watch()
	case poller.KeepAlive:
		set.keepAlive = value != 0
		f.watch()
	case poller.KeepAliveInterval:
		set.keepAliveInterval = value
	case poller.KeepAliveCount:
		set.keepAliveCount = value
	case poller.SendBuffer, poller.ReceiveBuffer:
		if value <= 0 {
			return os.NewSyscallError("setsockopt", syscall.EINVAL)
		}
		if option == poller.SendBuffer {
			set.sendBuffer = 2 * value
		} else {
			set.receiveBuffer = 2 * value
		}
	case poller.Linger:
		set.linger, set.lingerReset = value, value == 0
	default:
		return fmt.Errorf("sim: %v: %w", option, errors.ErrUnsupported)
	}
	return nil
}

func (f *file) setMulticast(option poller.Option, value int) syscall.Errno {
	if f.packets == nil || f.packets.unix {
		return syscall.EINVAL
	}
	place, most := f.packets.multicastOption(option)
	if value < 0 || value > most {
		return syscall.EINVAL
	}
	*place = value
	return 0
}

// Option reads an option.
func (o *system) Option(fd poller.FD, option poller.Option) (int, error) {
	f, errno := o.process.file(fd)
	if errno != 0 {
		return 0, os.NewSyscallError("getsockopt", errno)
	}
	set := f.options()
	switch option {
	case poller.MulticastTTL, poller.MulticastLoopback, poller.MulticastInterface:
		if f.packets == nil || f.packets.unix {
			return 0, os.NewSyscallError("getsockopt", syscall.EINVAL)
		}
		if option == poller.MulticastInterface && f.packets.local.Addr().Is4() {
			return 0, fmt.Errorf("sim: %v of IPv4: %w", option, errors.ErrUnsupported)
		}
		place, _ := f.packets.multicastOption(option)
		return *place, nil
	case poller.NoDelay:
		if set.delay {
			return 0, nil
		}
		return 1, nil
	case poller.KeepAliveIdle:
		if !set.keepAlive {
			return 0, nil
		}
		return set.keepAliveIdle, nil
	case poller.KeepAlive:
		if set.keepAlive {
			return 1, nil
		}
		return 0, nil
	case poller.KeepAliveInterval:
		return set.keepAliveInterval, nil
	case poller.KeepAliveCount:
		return set.keepAliveCount, nil
	case poller.SendBuffer:
		return set.sendBuffer, nil
	case poller.ReceiveBuffer:
		return set.receiveBuffer, nil
	case poller.Linger:
		return set.linger, nil
	}
	return 0, fmt.Errorf("sim: %v: %w", option, errors.ErrUnsupported)
}
