package sim

import (
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/weft-go/weft/poller"
)

// Host is a simulated machine: addresses, a process with its descriptors, and
// the programs (one loop each) that run in it.
type Host struct {
	world *World
	index int
	name  string
	addrs []netip.Addr
	dials *Dials

	boot      []*bootEntry
	process   *process
	down      bool
	paused    bool
	held      []*program    // ready, but the host is paused
	skew      time.Duration // how far its clock is ahead of the world's
	maxFiles  int
	datagrams DatagramCounts
	describes []func(io.Writer)
}

// bootEntry is a program as it is started when the host is.
type bootEntry struct {
	name     string
	daemon   bool
	finished bool
	fn       func(poller.OS) error
}

func (b *bootEntry) end(w *World) {
	if !b.daemon && !b.finished {
		w.unfinished--
	}
	b.finished = true
}

// process is what a crash takes away: descriptors, ports, programs.
type process struct {
	host     *Host
	dead     bool
	ghost    time.Duration // time that passed for it alone, since it is dead
	programs []*program
	files    []*file // by number; nil is free
	free     []int   // numbers to use again, the last one first
	used     int     // descriptors
	ports    map[uint16][]*listener
	paths    map[string]*listener // Unix sockets; one that is closed is a path where nobody listens
	packets  packetTable
	jobs     []*job
	nextPort uint16
	// described are the systems whose loops can say what their tasks wait for.
	described []*system
}

// Host adds a host with addresses (IPv4 or IPv6) to the world. Without any it
// gets the next one of 10.0.0.0/16. It can be dialled by its name, too. A name
// or an address that exists already, or is none, is a panic.
func (w *World) Host(name string, addrs ...string) *Host {
	h := &Host{world: w, index: len(w.hosts) + 1, name: name, maxFiles: defaultMaxFiles}
	if len(addrs) == 0 {
		addrs = []string{netip.AddrFrom4([4]byte{10, 0, byte(h.index >> 8), byte(h.index)}).String()}
	}
	if w.byName[name] != nil {
		panic(fmt.Sprintf("sim: there is a host %q already", name))
	}
	for _, text := range addrs {
		a := netip.MustParseAddr(text)
		if w.byAddr[a] != nil || a.IsLoopback() || a.IsUnspecified() {
			panic(fmt.Sprintf("sim: address %v of host %q is taken or cannot be", a, name))
		}
		w.byAddr[a] = h
		h.addrs = append(h.addrs, a)
	}
	w.byName[name] = h
	w.hosts = append(w.hosts, h)
	h.process = h.newProcess()
	return h
}

// defaultMaxFiles is the limit of descriptors of a process.
//
// Bound: more than any test opens, and an end for one that leaks.
const defaultMaxFiles = 1 << 20

// firstEphemeral and lastEphemeral are Linux's range of ports for those who do
// not care.
const firstEphemeral, lastEphemeral = 32768, 60999

func (h *Host) newProcess() *process {
	return &process{
		host:     h,
		ports:    make(map[uint16][]*listener),
		paths:    make(map[string]*listener),
		packets:  newPacketTable(),
		nextPort: uint16(firstEphemeral + h.world.rng.IntN(lastEphemeral-firstEphemeral)),
	}
}

// Name is the host's name.
func (h *Host) Name() string { return h.name }

// Addr is the host's first address.
func (h *Host) Addr() netip.Addr { return h.addrs[0] }

// World is the world the host is part of.
func (h *Host) World() *World { return h.world }

// Go starts a program on the host: a function that runs a loop on the OS it is
// given. World.Run waits for it. After a crash it is started anew.
func (h *Host) Go(name string, fn func(poller.OS) error) {
	h.world.unfinished++
	h.install(&bootEntry{name: name, fn: fn})
}

// Daemon is Go for a program that World.Run does not wait for, as a server: it
// is told to end, by ErrEnded from its Wait, when the others have ended.
func (h *Host) Daemon(name string, fn func(poller.OS) error) {
	h.install(&bootEntry{name: name, daemon: true, fn: fn})
}

func (h *Host) install(b *bootEntry) {
	h.boot = append(h.boot, b)
	if !h.down {
		h.process.spawn(b)
	}
}

// Open opens the host's boundary for one more loop, besides those of Go's and
// Daemon's. In a test's own goroutine its Wait lets the rest of the world run.
func (h *Host) Open(c poller.Config) poller.OS { return h.process.open(c) }

// OS is Open with the default configuration.
func (h *Host) OS() poller.OS { return h.Open(poller.Config{}) }

// SetMaxFiles limits how many descriptors the host can have open: EMFILE above.
func (h *Host) SetMaxFiles(n int) { h.maxFiles = n }

// Describe adds to the reports of a hang what the host's programs know of their
// waiting. A loop of package coro tells of its tasks by itself.
func (h *Host) Describe(fn func(io.Writer)) { h.describes = append(h.describes, fn) }

// Pause stops the host's programs, as SIGSTOP does. Its kernel goes on: it
// accepts connections and takes bytes as long as there is room.
func (h *Host) Pause() {
	h.world.note(h, actPause, noFD, 0, nil)
	h.paused = true
	runnable := h.world.runnable
	h.world.runnable = nil
	for _, g := range runnable {
		if g.process != nil && g.process.host == h {
			h.held = append(h.held, g)
		} else {
			h.world.runnable = append(h.world.runnable, g)
		}
	}
}

// Resume ends a pause.
func (h *Host) Resume() {
	h.world.note(h, actResume, noFD, 0, nil)
	h.paused = false
	h.world.runnable = append(h.world.runnable, h.held...)
	h.held = nil
}

// JumpClock makes the host's clock jump ahead, as that of a virtual machine
// does that was suspended: its timers come due. A monotonic clock does not go
// back, so a negative d is none. Time.Now does not jump, and a deadline that is
// set by it afterwards means what it says.
func (h *Host) JumpClock(d time.Duration) {
	h.world.note(h, actJump, noFD, int(d/time.Millisecond), nil)
	h.skew += max(d, 0)
	for _, g := range h.process.programs {
		if g.state == programSleeping {
			g.on.interrupted = true
			g.ready()
		}
	}
}

// Crash takes the host down without a word to anybody: no FIN, no RST. What is
// sent to it is lost. Its programs' Waits fail with ErrEnded, and whatever they
// still do does not leave the host. World.Run goes on waiting for those of Go's
// that had not returned: it is a hang if the host never restarts.
func (h *Host) Crash() {
	if h.down {
		return
	}
	h.world.note(h, actCrash, noFD, 0, nil)
	h.down, h.paused = true, false
	h.process.dead = true
	h.process.vanish()
	h.world.runnable = append(h.world.runnable, h.held...)
	h.held = nil
	for _, g := range h.process.programs {
		g.doom()
	}
}

// vanish takes all descriptors away without a word to anybody.
func (p *process) vanish() {
	for _, f := range p.files {
		if f == nil {
			continue
		}
		f.unregister()
		if f.packets != nil {
			f.packets.file = nil
		}
		if s := f.stream; s != nil {
			s.state = streamClosed
			p.host.world.agenda.cancel(&s.pulse.appointment)
			if s.out != nil {
				s.out.broken = true
			}
		}
	}
	p.files, p.free, p.used = nil, nil, 0
	clear(p.ports)
	clear(p.paths)
	p.packets = newPacketTable()
}

// Restart brings a crashed host up again, and starts its programs anew, but for
// those that had returned. Connections of its former life are answered by RST.
func (h *Host) Restart() {
	if !h.down {
		return
	}
	h.world.note(h, actRestart, noFD, 0, nil)
	h.down = false
	h.process = h.newProcess()
	for _, b := range h.boot {
		if !b.finished {
			h.process.spawn(b)
		}
	}
}

// knobs are the faults that hold for the host.
func (h *Host) knobs() *Dials {
	if h.dials != nil {
		return h.dials
	}
	return &h.world.config.Dials
}

// SetDials gives the host faults of its own.
func (h *Host) SetDials(d Dials) { h.dials = &d }

// has reports whether the address is one of the host's, its loopback included.
func (h *Host) has(a netip.Addr) bool {
	return a.IsLoopback() || h.world.byAddr[a] == h
}
