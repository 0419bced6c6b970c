package sim

import (
	"syscall"
	"time"
)

// Conditions are how one direction of a link is. The zero value is a link
// without delay and faults.
type Conditions struct {
	// Latency is how long a segment takes.
	Latency time.Duration
	// Jitter is how much longer it takes at most. Streams stay in order, and so
	// do datagrams, but for those of DatagramReorder.
	Jitter time.Duration
	// Bandwidth is in bytes per second; 0 is no limit.
	Bandwidth int
	// Loss is the probability with which a segment is lost. A stream repeats
	// it, so what is seen of it is a delay; a datagram is gone.
	Loss float64
	// DatagramLoss, DatagramDuplicates and DatagramReorder are those of Dials,
	// for what goes over this link. They come on top of the sender's own.
	DatagramLoss, DatagramDuplicates, DatagramReorder float64
}

// Link is what connects two hosts. All its connections share its bandwidth.
type Link struct {
	world *World
	paths [2]*path
}

// path is one direction of a link.
type path struct {
	Conditions
	world     *World
	to        *Host
	back      *path // the other direction
	cut       bool
	busyUntil time.Duration // sending what was given to it
	lastInRow time.Duration // when the last datagram arrives of those in order
}

// Link is the link between two hosts. That of a host with itself is its
// loopback, which has no delay and no faults unless they are set.
func (w *World) Link(a, b *Host) *Link { return w.link(a, b) }

func (w *World) link(a, b *Host) *Link {
	key := [2]*Host{a, b}
	if b.index < a.index {
		key = [2]*Host{b, a}
	}
	l := w.links[key]
	if l == nil {
		l = &Link{world: w}
		for i, to := range []*Host{key[1], key[0]} {
			l.paths[i] = &path{world: w, to: to}
			if a != b {
				l.paths[i].Conditions = w.config.Link
			}
		}
		l.paths[0].back, l.paths[1].back = l.paths[1], l.paths[0]
		w.links[key] = l
	}
	return l
}

// way is the path from one host to another; nil for a loopback that is as it
// always is.
func (w *World) way(from, to *Host) *path {
	if from == to && w.links[[2]*Host{from, to}] == nil {
		return nil
	}
	return w.link(from, to).from(from)
}

// from is the direction that begins at the host.
func (l *Link) from(h *Host) *path {
	if l.paths[0].to != h {
		return l.paths[0]
	}
	return l.paths[1]
}

// Set sets the conditions of both directions, SetFrom those of the one that
// begins at a host.
func (l *Link) Set(c Conditions) { l.paths[0].Conditions, l.paths[1].Conditions = c, c }

// SetFrom sets the conditions of the direction that begins at the host.
func (l *Link) SetFrom(h *Host, c Conditions) { l.from(h).Conditions = c }

// Cut makes both directions lose everything. Nobody is told: connections find
// out by their time-outs.
func (l *Link) Cut() { l.paths[0].cut, l.paths[1].cut = true, true }

// CutFrom makes the direction lose everything that begins at the host.
func (l *Link) CutFrom(h *Host) { l.from(h).cut = true }

// Heal ends every cut. What was lost comes with the next repetition.
func (l *Link) Heal() { l.paths[0].cut, l.paths[1].cut = false, false }

// Reset resets every connection over the link, as a box on the way does that has
// forgotten them. Both ends are told at once.
func (l *Link) Reset() {
	for _, p := range l.paths {
		for _, f := range p.back.to.process.files {
			if f != nil && f.stream != nil && f.stream.out != nil && f.stream.out.path == p {
				f.stream.fail(syscall.ECONNRESET)
				f.stream.peer.fail(syscall.ECONNRESET) // which has no descriptor while nobody has accepted it
			}
		}
	}
}

// Partition cuts the links between the hosts given and all others.
func (w *World) Partition(hosts ...*Host) {
	w.note(nil, actPartition, noFD, len(hosts), nil)
	inside := make(map[*Host]bool)
	for _, h := range hosts {
		inside[h] = true
	}
	for _, a := range w.hosts {
		for _, b := range w.hosts {
			if inside[a] && !inside[b] {
				w.link(a, b).Cut()
			}
		}
	}
}

// Heal ends every cut of every link.
func (w *World) Heal() {
	w.note(nil, actHeal, noFD, 0, nil)
	for _, l := range w.links {
		l.Heal()
	}
}

// delay is how long n bytes take from now on.
func (p *path) delay(n int) time.Duration {
	if p == nil {
		return 0
	}
	return p.travels() + p.leaves(n)
}

// leaves is how long it takes until n bytes are on the wire, behind those that
// wait already; travels, how long the wire is.
func (p *path) leaves(n int) time.Duration {
	if p == nil || p.Bandwidth <= 0 || n <= 0 {
		return 0
	}
	p.busyUntil = max(p.busyUntil, p.world.now) + time.Duration(float64(n)/float64(p.Bandwidth)*float64(time.Second))
	return p.busyUntil - p.world.now
}

func (p *path) travels() time.Duration {
	if p == nil {
		return 0
	}
	return p.Latency + p.world.upTo(p.Jitter)
}

// loses decides the fate of a segment.
func (p *path) loses() bool {
	return p != nil && (p.cut || p.to != nil && p.to.down || p.world.chance(p.Loss))
}

// blackHole is the path of a connection that is stuck half-open.
func (w *World) newBlackHole() *path { return &path{world: w, cut: true} }
