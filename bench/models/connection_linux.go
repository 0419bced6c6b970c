package models

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/stats"
)

// connectionsWeighed is how many connections are added before each look at the memory.
//
// Bound: some megabytes, which stand out from what other programs do; with both ends
// in this process, all steps need 8000 descriptors.
const connectionsWeighed = 1000

// descriptorsKept are left for what else a probe has open.
const descriptorsKept = 100

// weighConnections measures what the kernel holds for one end of a TCP connection, by
// any model: half of what a pair takes that is connected to itself.
//
// Held (see memoryNow) will not do: the kernel counts the inode of a socket among its
// caches, and yet keeps it as long as the socket.
func weighConnections(e Effort) ([]Figure, error) {
	n := max(1, int(connectionsWeighed*e.Units))
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, os.NewSyscallError("getrlimit", err)
	}
	if most := (int64(min(limit.Cur, 1<<30)) - descriptorsKept) / (2 * steps); int64(n) > most {
		n = max(1, int(most))
	}
	ln, err := listenRaw()
	if err != nil {
		return nil, err
	}
	open := []int{ln}
	defer func() {
		for _, fd := range open {
			// A reset leaves no port behind.
			_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			_ = unix.Close(fd)
		}
	}()
	var pairs, bytes []float64
	err = inSteps(func() error {
		machine, err := measure.OfMachine(nil)
		pairs, bytes = append(pairs, float64(n*(len(pairs)+1))), append(bytes, float64(machine.Kernel))
		return err
	}, func() error {
		for range n {
			near, far, err := connectRaw(ln)
			if err != nil {
				return err
			}
			open = append(open, near, far)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	ofPair, err := stats.Slope(pairs, bytes)
	return []Figure{{MemoryKernel, 0, ofPair / 2, unitBytes}}, err
}

// listenRaw listens on a free port of 127.0.0.1.
func listenRaw() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	err = errors.Join(
		os.NewSyscallError("bind", unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})),
		os.NewSyscallError("listen", unix.Listen(fd, unix.SOMAXCONN)))
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// connectRaw connects to ln and accepts that.
func connectRaw(ln int) (near, far int, err error) {
	addr, err := unix.Getsockname(ln)
	if err != nil {
		return -1, -1, os.NewSyscallError("getsockname", err)
	}
	if near, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, -1, os.NewSyscallError("socket", err)
	}
	if err = unix.Connect(near, addr); err != nil {
		unix.Close(near)
		return -1, -1, os.NewSyscallError("connect", err)
	}
	if far, _, err = unix.Accept4(ln, unix.SOCK_CLOEXEC); err != nil {
		unix.Close(near)
		return -1, -1, os.NewSyscallError("accept", err)
	}
	return near, far, nil
}
