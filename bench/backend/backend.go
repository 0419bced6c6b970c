package backend

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Backend is one way to write an echo server.
type Backend struct {
	// Name is what the command line and the tables call it.
	Name string
	// About says in one line who waits, and how.
	About string
	// Module is the path of the Go module it stands on, where that is not this one
	// or the standard library.
	Module string
	// Serve runs the server until ctx ends, and then returns nil. An error
	// that comes before Config.Ready was called is about the address or the
	// configuration; a later one is a failure while serving. Connections that
	// are open when ctx ends are cut; a backend may leave them to the end of
	// the process, which follows.
	//
	// Serve is nil where the operating system has no such backend.
	Serve func(ctx context.Context, c Config) error
	// CutsAnswersAtHalfClose tells that bytes which are not yet sent back when
	// the peer finishes sending are dropped, as far as they do not fit the
	// kernel's buffer at that moment.
	CutsAnswersAtHalfClose bool
	// Workloads are those that Serve can run; none given is Echo alone.
	Workloads []Workload
	// MaxConns is the most connections it can have at a time, where that is not
	// a matter of descriptors; otherwise 0.
	MaxConns int
	// Processes tells that the server is several processes, which are started as
	// this program with the same arguments and come to Serve again. CPU time and
	// resident memory are those of all of them, the Go runtime's own figures those
	// of the first one alone. Such a backend is measured when it is named.
	Processes bool
	// Absent tells of a backend that is another program: empty if it is installed,
	// otherwise how to install it. Nil for those that are always there.
	Absent func() string
	// Version asks such a program what it is, in one line; empty if it does not tell.
	Version func() string
}

// Config says where and how wide a backend serves.
type Config struct {
	// Addr is the TCP address to listen on, as host:port with an IP address
	// or an empty host. Port 0 lets the kernel choose.
	Addr string
	// Loops is the number of event loops, at least 1. Backends without loops
	// of their own run on GOMAXPROCS processors instead, which the caller
	// sets.
	Loops int
	// Workload is what the server does with what it reads; Echo if it is empty.
	Workload Workload
	// Ready is called once, when connections are accepted, with the address
	// that is listened on.
	Ready func(addr string)
}

const (
	// loopBuffer is the bytes one loop reads at once, for all its connections.
	//
	// Bound: it is gnet's default, and more than a loopback socket usually
	// holds; smaller buffers would cost large messages more system calls.
	loopBuffer = 64 << 10
	// connBuffer is the bytes of the buffer that each connection owns at first, for
	// backends that wait inside a read and so cannot share one. See larger.
	//
	// Bound: bufio's and net/http's default. It is most of what an idle
	// connection costs them.
	connBuffer = 4 << 10
	// backlog is how many connections may wait to be accepted.
	//
	// Bound: Linux's default limit (net.core.somaxconn), which is also what
	// package net asks for.
	backlog = 4096
)

// larger is the buffer of a connection after a read that has filled it: twice as
// large, up to what a loop has. With connBuffer alone, large messages would cost these
// backends three times the CPU time of the others, for a choice that is not theirs;
// with loopBuffer from the start, it would be what an idle connection costs.
func larger(buf []byte) []byte {
	if len(buf) >= loopBuffer {
		return buf
	}
	return make([]byte, 2*len(buf))
}

// Offers reports whether b can run w.
func (b Backend) Offers(w Workload) bool {
	if len(b.Workloads) == 0 {
		return w == Echo
	}
	return slices.Contains(b.Workloads, w)
}

// External reports whether b is another program, which may not be installed.
func (b Backend) External() bool { return b.Absent != nil }

// Floor is the name of the backend that ratios are taken against.
const Floor = "floor"

// Find returns the backend of that name. The error names those there are.
func Find(name string) (Backend, error) {
	i := slices.IndexFunc(Registry, func(b Backend) bool { return b.Name == name })
	switch {
	case i < 0:
		return Backend{}, fmt.Errorf("unknown backend %q; there are: %s", name, strings.Join(Names(), ", "))
	case Registry[i].Serve == nil:
		return Backend{}, fmt.Errorf("backend %s does not exist on this operating system; there are: %s",
			name, strings.Join(Names(), ", "))
	}
	return Registry[i], nil
}

// DefaultNames lists the backends that are measured when none is named.
func DefaultNames() []string {
	return slices.DeleteFunc(Names(), func(name string) bool {
		b, err := Find(name)
		return err != nil || b.Processes || b.External()
	})
}

// Names lists the backends that this operating system has, in the order of the
// Registry.
func Names() []string {
	var names []string
	for _, b := range Registry {
		if b.Serve != nil {
			names = append(names, b.Name)
		}
	}
	return names
}
