package exercise

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/weft-go/weft/poller"
	"github.com/weft-go/weft/poller/sim"
	"github.com/weft-go/weft/reactor"
)

// run is one seed.
type run struct {
	seed  uint64
	rng   *rand.Rand
	world *sim.World
	// hostile: there are faults that no program is safe from.
	hostile bool
	// unix: a server listens at a Unix socket, too.
	unix bool
	// lossy: a datagram may be lost.
	lossy bool
	// together: all clients come at the same moment.
	together bool

	server    *sim.Host
	clients   []*sim.Host
	addresses []address // of the servers
	dialled   []string  // names for connections to the Unix socket that wait to be accepted
	names     int       // of those there have been
	// stops tell a server to end; a host that restarts sets its own anew.
	stops  map[string]func()
	served []string // the servers' names
	over   bool     // they have been told
	living int      // programs that have not returned, those of Go's

	mail     *mail
	open     []poller.Addr // of the clients' datagram sockets
	question int           // the last one that was asked

	conversations map[string][2]*end
	ends          []*end
	checks        []func() // once everything has ended
	failures      []string
}

// errWhim is the cause of whatever the exerciser breaks by itself.
var errWhim = errors.New("a whim")

func newRun(seed uint64) *run {
	r := &run{
		seed:          seed,
		stops:         make(map[string]func()),
		conversations: make(map[string][2]*end),
	}
	// The configuration has a source of its own: the world's begins with it.
	draw := rand.New(rand.NewPCG(seed, 1))
	r.hostile = draw.IntN(10) < 4
	c := sim.Config{Seed: seed, Limit: 6 * time.Hour, Trace: 3000, Dials: freedoms(draw), Link: link(draw)}
	if r.hostile {
		faults(draw, &c.Dials)
	}
	// A reset that is lost is not repeated, and a peer that only reads never
	// hears of it.
	r.hostile = r.hostile || c.Link.Loss > 0
	if draw.IntN(2) == 0 {
		c.Dials.SlowDisk = 30 * time.Millisecond
	}
	r.lossy = r.hostile || c.Dials.DatagramLoss > 0
	r.mail = &mail{run: r, doubles: c.Dials.DatagramDuplicates > 0}
	r.unix = draw.IntN(10) < 3
	if r.unix {
		c.Dials.AbortAccept = 0 // see system.Accept
	}
	r.world = sim.New(c)
	r.rng = r.world.Rand()
	return r
}

// freedoms are those of the contract, and those of a network with datagrams, each never, rarely, or nearly always.
func freedoms(draw *rand.Rand) (d sim.Dials) {
	for _, p := range []*float64{&d.ShortRead, &d.ShortWrite, &d.Spurious, &d.LateEvent, &d.Coalesce, &d.NoHint} {
		*p = []float64{0, 0.1, 0.9}[draw.IntN(3)]
	}
	d.Interrupt = []float64{0, 0.1, 0.5}[draw.IntN(3)]
	for _, p := range []*float64{&d.DatagramLoss, &d.DatagramDuplicates, &d.DatagramReorder} {
		*p = []float64{0, 0, 0.2}[draw.IntN(3)]
	}
	return d
}

func faults(draw *rand.Rand, d *sim.Dials) {
	for _, p := range []*float64{&d.TooManyFiles, &d.AbortAccept, &d.Refuse, &d.Unreachable, &d.TimeOut, &d.HalfOpen} {
		*p = []float64{0, 0, 0.1}[draw.IntN(3)]
	}
	d.Reset = []float64{0, 0, 0.01}[draw.IntN(3)]
}

func link(draw *rand.Rand) sim.Conditions {
	return sim.Conditions{
		Latency:   []time.Duration{0, time.Millisecond, 40 * time.Millisecond}[draw.IntN(3)],
		Jitter:    []time.Duration{0, 5 * time.Millisecond}[draw.IntN(2)],
		Bandwidth: []int{0, 0, 1 << 20}[draw.IntN(3)],
		Loss:      []float64{0, 0, 0.05}[draw.IntN(3)],
	}
}

// program starts a program, and counts those that are left.
func (r *run) program(h *sim.Host, name string, main func(poller.OS) error) {
	over := false
	r.living++
	h.Go(name, func(os poller.OS) error {
		err := main(os)
		if errors.Is(err, sim.ErrEnded) {
			return err // a crash: it is started again
		}
		if !over {
			over = true
			r.living--
		}
		if err != nil && !errors.Is(err, errWhim) && !r.hostile {
			r.fail("%s/%s: %v", h.Name(), name, err)
		}
		return nil
	})
}

// play lets the servers begin to listen, the clients talk, and the servers end.
func (r *run) play() {
	servers := r.living
	r.together = r.chance(50)
	if err := r.world.RunFor(time.Millisecond); err != nil {
		r.fail("%v", err)
		return
	}
	for i := range 1 + r.rng.IntN(3) {
		h := r.clients[r.rng.IntN(len(r.clients))]
		if r.rng.IntN(8) == 0 {
			h = r.server // over its loopback
		}
		switch kind := r.rng.IntN(6); kind {
		case 0, 1:
			r.program(h, fmt.Sprint("tasks", i), r.taskClient(h, fmt.Sprint(h.Name(), "/tasks", i)))
		case 2, 3:
			r.program(h, fmt.Sprint("callbacks", i), r.callbackClient(h, fmt.Sprint(h.Name(), "/callbacks", i)))
		case 4:
			r.program(h, fmt.Sprint("mail", i), r.correspondent(h, fmt.Sprint(h.Name(), "/mail", i)))
		default:
			r.program(h, fmt.Sprint("kit", i), r.kitProgram(fmt.Sprint(h.Name(), "/kit", i)))
		}
	}
	r.script()
	if !r.until(func() bool { return r.living <= servers && r.silent() }) {
		return
	}
	r.over = true
	for _, name := range r.served {
		if stop := r.stops[name]; stop != nil {
			stop()
		}
	}
	r.until(func() bool { return r.living == 0 })
}

// until is World.Until; a hang is what nobody is to blame for but weft.
func (r *run) until(condition func() bool) bool {
	steps := 0
	err := r.world.Until(func() bool {
		steps++
		return steps > mostSteps || condition()
	})
	if steps > mostSteps {
		err = fmt.Errorf("a loop spins: %d steps", steps)
	}
	if err != nil {
		var report strings.Builder
		r.world.Report(&report)
		r.fail("%v%s", err, &report)
		for _, e := range r.ends {
			if e.opened && !e.finished {
				r.failures = append(r.failures, e.String())
			}
		}
	}
	return err == nil
}

// mostSteps is how many steps of programs a seed takes at most: ten times what
// the longest one took of a thousand.
const mostSteps = 1_000_000

// silent reports whether every conversation is over, at both ends. In a hostile
// world a server may have one with somebody who does not know of it.
func (r *run) silent() bool {
	for _, e := range r.ends {
		if e.opened && !e.finished {
			return false
		}
	}
	return true
}

// script is what happens to the hosts and the network meanwhile.
func (r *run) script() {
	hosts := append([]*sim.Host{r.server}, r.clients...)
	for range r.rng.IntN(4) {
		h := hosts[r.rng.IntN(len(hosts))]
		at := r.world.Elapsed() + r.upTo(300*time.Millisecond)
		lasts := r.upTo(3 * time.Second)
		switch kind := r.rng.IntN(7); {
		case kind == 0:
			r.world.At(at, func() { h.Pause() })
			r.world.At(at+lasts, func() { h.Resume() })
		case kind == 1:
			r.world.At(at, func() { h.JumpClock(lasts) })
		case !r.hostile:
		case kind == 2:
			r.world.At(at, func() { r.world.Partition(h) })
			r.world.At(at+lasts, r.world.Heal)
		case kind == 3 && h != r.server:
			r.world.At(at, func() { r.world.Link(h, r.server).CutFrom(h) })
			r.world.At(at+lasts, r.world.Heal)
		case kind == 4 && h != r.server:
			r.world.At(at, func() { r.world.Link(h, r.server).Reset() })
		case kind == 5:
			r.world.At(at, func() { r.crash(h) })
			r.world.At(at+lasts, func() { h.Restart() })
		case kind == 6:
			r.world.At(at, func() { h.SetMaxFiles(r.rng.IntN(6)) })
			r.world.At(at+lasts, func() { h.SetMaxFiles(1 << 20) })
		}
	}
}

// crash takes a host away in the middle of everything. Who it was, was rude.
func (r *run) crash(h *sim.Host) {
	for _, e := range r.ends {
		e.rude = true
	}
	h.Crash()
}

// settle looks at what is left when everything has ended.
func (r *run) settle() {
	r.world.Close()
	for _, e := range r.ends {
		e.settle()
	}
	r.mail.settle()
	for _, check := range r.checks {
		check()
	}
}

// delay is how long a client waits before it comes.
func (r *run) delay() time.Duration {
	if r.together {
		return 0
	}
	return r.upTo(100 * time.Millisecond)
}

func (r *run) upTo(d time.Duration) time.Duration { return time.Duration(r.rng.Int64N(int64(d) + 1)) }

func (r *run) chance(percent int) bool { return r.rng.IntN(100) < percent }

// size is how much somebody has to say: often nothing much, rarely more than any
// buffer holds.
func (r *run) size() int {
	most := []int{1, 200, 5_000, 60_000, 250_000}[min(r.rng.IntN(7), r.rng.IntN(7), 4)]
	return r.rng.IntN(most + 1)
}

// limits are small now and then, so that budgets are spent.
func (r *run) limits() reactor.Limits {
	if r.chance(40) {
		return reactor.Limits{}
	}
	return reactor.Limits{
		EventsPerWait: 1 + r.rng.IntN(4), TasksPerTurn: 1 + r.rng.IntN(10), TimersPerTurn: 1 + r.rng.IntN(4),
		AcceptsPerTurn: 1 + r.rng.IntN(2), BytesPerTurn: 100 << r.rng.IntN(10), ReadBuffer: 100 << r.rng.IntN(10),
	}
}

// options are a loop's.
func (r *run) options(s *system) reactor.Options {
	var shuffle *rand.Rand
	if r.chance(30) {
		shuffle = r.rng
	}
	return reactor.Options{Shuffle: shuffle, OS: s, Limits: s.limits, PoisonBuffers: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
}
