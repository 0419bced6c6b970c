package sim

import (
	"fmt"
	"io"
	"strings"
)

// Report writes how things are: every host with its programs, what they wait
// for, its descriptors, and the tasks of its loops, as coro.Dump has them.
func (w *World) Report(out io.Writer) {
	for _, h := range w.hosts {
		fmt.Fprintf(out, "\nhost %s %v%s", h.name, h.addrs, h.condition())
		for _, g := range h.process.programs {
			fmt.Fprintf(out, "\n\tprogram %s: %s", g.boot.name, g.doing())
		}
		for _, f := range h.process.files {
			if f != nil {
				fmt.Fprintf(out, "\n\tdescriptor %d: %s", f.fd, f.describe())
			}
		}
		for _, o := range h.process.described {
			indented(out, o.describe)
		}
		for _, describe := range h.describes {
			indented(out, describe)
		}
	}
}

// Describe is for a loop that knows what its tasks wait for.
func (o *system) Describe(fn func(io.Writer)) {
	if o.describe == nil {
		o.process.described = append(o.process.described, o)
	}
	o.describe = fn
}

func indented(out io.Writer, describe func(io.Writer)) {
	var b strings.Builder
	describe(&b)
	fmt.Fprintf(out, "\n\t%s", strings.ReplaceAll(strings.TrimRight(b.String(), "\n"), "\n", "\n\t"))
}

func (h *Host) condition() string {
	switch {
	case h.down:
		return ", down"
	case h.paused:
		return ", paused"
	}
	return ""
}

func (g *program) doing() string {
	s := g.state.String()
	if g.state == programSleeping {
		s += fmt.Sprintf(" since %v", g.since)
		if g.place != 0 {
			s += fmt.Sprintf(", until %v", g.at)
		} else {
			s += ", for an event or a wake-up"
		}
	}
	if g.boot.daemon {
		s += " (daemon)"
	}
	return s
}

func (f *file) describe() string {
	if l := f.listener; l != nil {
		return fmt.Sprintf("listens at %v, %d to be accepted%s", l.addr, len(l.queue), f.waits())
	}
	if p := f.packets; p != nil {
		return p.describe() + f.waits()
	}
	s := f.stream
	text := fmt.Sprintf("%v %v -> %v", s.state, s.local, s.remote)
	if s.in != nil && s.out != nil {
		text += fmt.Sprintf(", %d bytes to read, FIN %v; sent: %d unsent, %d flying, %d unread, FIN %v",
			s.in.unread, s.in.fin, s.out.unsent, s.out.flying, s.out.unread, s.out.fin)
		if s.out.tries > 0 {
			text += fmt.Sprintf(", repeated %d times", s.out.tries)
		}
	}
	return text + f.waits()
}

// waits is what an event is owed for.
func (f *file) waits() string {
	switch {
	case f.os == nil:
		return "; not registered"
	case f.armed != 0:
		return fmt.Sprintf("; waits to be %v", f.armed)
	}
	return ""
}
