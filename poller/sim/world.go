package sim

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Config configures a world. The zero value works.
type Config struct {
	// Seed decides every choice that the world makes. Two runs with one seed,
	// of programs that have no other source of chance, are the same run.
	Seed uint64
	// Link is how hosts are connected where Link says nothing else. The zero
	// value is a network without delay.
	Link Conditions
	// Dials are the faults of hosts that have none of their own. The zero
	// value is a system without faults.
	Dials Dials
	// Turn is the virtual time that each Wait costs; a microsecond by default.
	// It lets time pass for a program that is always busy.
	Turn time.Duration
	// Limit is how much virtual time Run lets pass before it calls the world
	// stuck; 24 hours by default.
	Limit time.Duration
	// Trace is how many of the last lines of the trace are kept for reports;
	// 200 by default. A negative number keeps all.
	Trace int
}

const (
	// defaultTurn: about what a turn of a loop with a handful of events takes
	// on a real machine.
	defaultTurn = time.Microsecond
	// defaultLimit: longer than any time-out of a real kernel, shorter than
	// what a machine simulates in a test that makes nothing but ticks.
	defaultLimit = 24 * time.Hour
	// defaultTrace: about what somebody reads.
	defaultTrace = 200
)

// World is a simulated network of hosts, their programs, and the time they live
// in. It belongs to one goroutine at a time: to the test, and, while Run or a
// Wait is under way, to the program that runs. Only OS.Wake is for any goroutine.
type World struct {
	config Config
	// flagSeed is the part of the seed that a flag gave.
	flagSeed uint64
	rng      *rand.Rand

	now    time.Duration
	epoch  time.Time
	agenda agenda

	hosts  []*Host
	byAddr map[netip.Addr]*Host
	byName map[string]*Host
	names  map[string]*Name
	links  map[[2]*Host]*Link

	root     *program   // the test's goroutine
	running  *program   // who holds the baton
	runnable []*program // who could
	chosen   *program   // who is to be given it, by the driver
	programs []*program
	ended    bool
	// unfinished counts the programs of Go's that have not returned.
	unfinished int
	done       func() bool // the driver's condition
	stepwise   bool        // which only the driver may ask
	scripts    []func()    // of At, whose moment has come

	woken     atomic.Bool // wakes is not empty
	mu        sync.Mutex
	wakes     []*system // guarded by mu: whose Wake was called
	outside   *outside  // the goroutines beside the programs; nil: they are not simulated
	blackHole *path

	trace trace
}

// New makes a world of its own, to be closed. Tests use Test.
func New(c Config) *World {
	if c.Turn <= 0 {
		c.Turn = defaultTurn
	}
	if c.Limit <= 0 {
		c.Limit = defaultLimit
	}
	if c.Trace == 0 {
		c.Trace = defaultTrace
	}
	w := &World{
		config: c,
		// The second word only has to be the same every time.
		rng:    rand.New(rand.NewPCG(c.Seed, 0x77656674)),
		epoch:  time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
		byAddr: make(map[netip.Addr]*Host),
		byName: make(map[string]*Host),
		names:  make(map[string]*Name),
		links:  make(map[[2]*Host]*Link),
	}
	w.trace.keep = c.Trace
	w.root = &program{world: w, name: "the test", state: programRunning}
	w.root.appointment.do = w.root.timeIsUp
	w.running = w.root
	w.blackHole = w.newBlackHole()
	return w
}

// Seed is the world's seed.
func (w *World) Seed() uint64 { return w.config.Seed }

// Rand is the world's source of chance, for a test's own choices.
func (w *World) Rand() *rand.Rand { return w.rng }

// SetDials sets the faults of the hosts that have none of their own.
func (w *World) SetDials(d Dials) { w.config.Dials = d }

// chance reports true with the probability p. It asks the source of chance only
// where there is something to choose.
func (w *World) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// upTo is a random duration in [0, d].
func (w *World) upTo(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(w.rng.Int64N(int64(d) + 1))
}
