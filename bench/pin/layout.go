package pin

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// Layout is a way to place the server and the generator.
type Layout uint8

const (
	// Auto is Split where that is possible, and otherwise None.
	Auto Layout = iota
	// Split gives each side a processor of its own. What the server costs is
	// clean; how the box does as a whole is not asked.
	Split
	// Shared lets both sides run on the same two processors.
	Shared
	// None leaves everything to the kernel.
	None
)

func (l Layout) String() string {
	return [...]string{"auto", "split", "shared", "none"}[l]
}

// MarshalText is the layout's name.
func (l Layout) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a layout's name.
func (l *Layout) UnmarshalText(name []byte) error {
	for _, known := range []Layout{Auto, Split, Shared, None} {
		if known.String() == string(name) {
			*l = known
			return nil
		}
	}
	return fmt.Errorf("unknown layout %q; there are: auto, split, shared, none", name)
}

// Plan is a layout on this machine.
type Plan struct {
	Layout Layout `json:"layout"`
	// ServerCPUs and GeneratorCPUs are numbers of processors; none means that
	// the kernel chooses.
	ServerCPUs    []int `json:"server_cpus"`
	GeneratorCPUs []int `json:"generator_cpus"`
	// ServerProcs is the server's GOMAXPROCS.
	ServerProcs int `json:"server_gomaxprocs"`
}

// Choose plans a layout with the first processors that this process may use, of
// different cores where there are.
// Errors: errors.ErrUnsupported where the system cannot pin or has too few
// processors. Auto and None are always possible.
func Choose(l Layout) (Plan, error) {
	cpus, err := Allowed()
	if err == nil && len(cpus) < 2 {
		err = fmt.Errorf("only %d processor: %w", len(cpus), errors.ErrUnsupported)
	}
	if l == Auto {
		l = Split
		if err != nil {
			l = None
		}
	}
	switch {
	case l == None:
		return Plan{Layout: None, ServerProcs: runtime.GOMAXPROCS(0)}, nil
	case err != nil:
		return Plan{}, fmt.Errorf("layout %v: %w", l, err)
	}
	cpus = twoCores(cpus, siblings)
	if l == Shared {
		return Plan{Layout: Shared, ServerCPUs: cpus, GeneratorCPUs: cpus, ServerProcs: 2}, nil
	}
	return Plan{Layout: Split, ServerCPUs: cpus[:1], GeneratorCPUs: cpus[1:], ServerProcs: 1}, nil
}

// twoCores is the first of cpus and the first of the others that is on another core:
// two that share one slow each other down by half, each for what the other one does.
// Where there is no such, it is the first two.
func twoCores(cpus []int, siblings func(cpu int) []int) []int {
	mates := siblings(cpus[0])
	for _, cpu := range cpus[1:] {
		if !slices.Contains(mates, cpu) {
			return []int{cpus[0], cpu}
		}
	}
	return cpus[:2]
}

func (p Plan) String() string {
	if p.Layout == None {
		return fmt.Sprintf("none: not pinned, server GOMAXPROCS=%d", p.ServerProcs)
	}
	return fmt.Sprintf("%v: server on CPU %v with GOMAXPROCS=%d, generator on CPU %v",
		p.Layout, p.ServerCPUs, p.ServerProcs, p.GeneratorCPUs)
}
