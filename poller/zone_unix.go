//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package poller

import (
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// zone is a network interface by its two names: the kernel's number, and the
// word in an IPv6 address like fe80::1%eth0.
type zone struct {
	index uint32
	name  string
	asked time.Time
}

// lastZone is the one asked for last: a datagram socket on a link-local address
// has it in every datagram, and asking the kernel takes some 50 us.
var lastZone atomic.Pointer[zone]

// zoneLife is how long an answer is believed.
//
// Bound: package net's. Interfaces are renamed by administrators, not by
// programs.
const zoneLife = time.Minute

func (z *zone) fresh() bool { return z != nil && time.Since(z.asked) < zoneLife }

func zoneIndex(name string) (uint32, error) {
	if name == "" {
		return 0, nil
	}
	if z := lastZone.Load(); z.fresh() && z.name == name {
		return z.index, nil
	}
	if i, err := net.InterfaceByName(name); err == nil {
		lastZone.Store(&zone{uint32(i.Index), name, time.Now()})
		return uint32(i.Index), nil
	}
	if n, err := strconv.ParseUint(name, 10, 32); err == nil {
		return uint32(n), nil
	}
	return 0, &net.AddrError{Err: errZone.Error(), Addr: "%" + name}
}

func zoneName(index uint32) string {
	if z := lastZone.Load(); z.fresh() && z.index == index {
		return z.name
	}
	name := strconv.FormatUint(uint64(index), 10)
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		name = i.Name
	}
	lastZone.Store(&zone{index, name, time.Now()})
	return name
}
