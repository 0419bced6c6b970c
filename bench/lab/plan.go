package lab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// maxServers is how many server processes a backend of several gets at most.
//
// Bound: on two processors more of them only take memory; 16 of 20 000 descriptors
// hold more connections than the machine has memory for.
const maxServers = 16

// place is a point with its scenario.
type place struct {
	scenario scenario.Scenario
	axes     scenario.Axes
	rows     []row // that can be measured here
}

func (p place) point() result.Point { return p.scenario.At(p.axes) }

// Lab is a run that is planned.
type Lab struct {
	settings Settings
	rows     []row
	places   []place
	order    []step
	// until is how long the steps before each are thought to take, and all.
	until []time.Duration
	// fit is how many connections one process can have.
	fit int
	// retaken is how many samples were taken again so far.
	retaken int
	// Omitted says, in sentences, what will not be measured and why.
	Omitted []string
}

// step is one sample to take.
type step struct {
	round int
	place place
	row   row
}

func (s step) result() result.Step {
	return result.Step{Round: s.round, Point: s.place.point(), Backend: s.row.label}
}

// New plans a run. Errors: unknown backends, points that no backend can be
// measured at, limits of this machine.
func New(s Settings) (*Lab, error) {
	rows, err := s.rows()
	if err != nil {
		return nil, err
	}
	limit, err := load.RaiseDescriptors()
	if err != nil {
		return nil, err
	}
	l := &Lab{settings: s, fit: max(int(limit)-descriptorReserve, 0)}
	for _, r := range rows {
		if how := r.absent(); how != "" {
			l.omit("%s is not installed: %s", r.label, how)
		}
		l.rows = append(l.rows, r)
	}
	for _, sc := range s.Scenarios {
		points := sc.Points(s.Profile)
		if len(points) == 0 { // it was asked for by name
			points = sc.Points(scenario.Full)
		}
		for i := range points {
			points[i] = points[i].Resolve(l.fit)
		}
		for axis, values := range s.Overrides {
			points = scenario.Override(points, axis, values)
		}
		l.place(sc, points)
	}
	if calls, err := measure.OpenCalls(os.Getpid()); err == nil {
		calls.Close()
	} else {
		l.omit("system calls are not counted: %v", err)
	}
	l.schedule()
	if len(l.order) == 0 {
		return nil, fmt.Errorf("nothing can be measured: %s", strings.Join(l.Omitted, "; "))
	}
	return l, nil
}

// descriptorReserve is what a server process needs beside its connections: the
// standard three, listeners, pollers, pipes to workers.
const descriptorReserve = 100

// place adds the points of a scenario.
func (l *Lab) place(sc scenario.Scenario, points []scenario.Axes) {
	var unable []string
	for _, r := range l.rows {
		if !r.backend.Offers(sc.Workload) {
			unable = append(unable, r.label)
		}
	}
	if len(unable) > 0 {
		l.omit("%s: not by %s", sc.Name, strings.Join(unable, ", "))
	}
	for _, axes := range points {
		p := place{scenario: sc, axes: axes}
		conns := l.connections(p)
		var full []string
		for _, r := range l.rows {
			switch {
			case !r.backend.Offers(sc.Workload), r.absent() != "":
			case conns > l.most(r):
				full = append(full, fmt.Sprintf("%s (%d fit)", r.label, l.most(r)))
			default:
				p.rows = append(p.rows, r)
			}
		}
		if len(full) > 0 {
			l.omit("%s: too many connections for %s", p.point().Key(), strings.Join(full, ", "))
		}
		if len(p.rows) > 0 {
			l.places = append(l.places, p)
		}
	}
}

func (l *Lab) omit(format string, args ...any) {
	l.Omitted = append(l.Omitted, fmt.Sprintf(format, args...))
}

// absent says how to install what is not; empty for the others.
func (r row) absent() string {
	if r.backend.Absent == nil {
		return ""
	}
	return r.backend.Absent()
}

// most is how many connections a server can have.
func (l *Lab) most(r row) int {
	switch {
	case r.backend.MaxConns > 0:
		return min(r.backend.MaxConns, l.fit)
	case r.backend.Processes:
		return l.fit * maxServers
	}
	return l.fit
}

// connections is how many there are at a place.
func (l *Lab) connections(p place) int { return scenario.Total(p.scenario.Groups(p.axes)) }

// loops is how many loops, or processes, the server gets: more than was asked for
// where one process cannot have so many connections.
func (l *Lab) loops(s step) int {
	n := l.settings.Loops
	if conns := l.connections(s.place); s.row.backend.Processes && s.row.backend.MaxConns == 0 && conns > l.fit {
		// Half as many again, since the kernel does not deal them out evenly.
		n = max(n, (conns*3/2+l.fit-1)/l.fit)
	}
	return n
}

// schedule is the randomised block design.
func (l *Lab) schedule() {
	chance := rand.New(rand.NewPCG(l.settings.Seed, 0))
	for round := range l.rounds() {
		for _, p := range l.places {
			if round >= l.roundsAt(p) {
				continue
			}
			for _, i := range chance.Perm(len(p.rows)) {
				l.order = append(l.order, step{round + 1, p, p.rows[i]})
			}
		}
	}
	l.until = make([]time.Duration, len(l.order)+1)
	for i, s := range l.order {
		l.until[i+1] = l.until[i] + l.estimate(s)
	}
}

// roundsAt is how often a place is measured.
func (l *Lab) roundsAt(p place) int {
	if l.settings.Rounds > 0 {
		return l.settings.Rounds
	}
	return p.scenario.Rounds(l.settings.Profile, p.axes)
}

// rounds is how many there are.
func (l *Lab) rounds() (most int) {
	for _, p := range l.places {
		most = max(most, l.roundsAt(p))
	}
	return most
}

// Order is every sample to take, in order.
func (l *Lab) Order() []result.Step {
	var steps []result.Step
	for _, s := range l.order {
		steps = append(steps, s.result())
	}
	return steps
}

// block is the length of the block that begins at step i.
func (l *Lab) block(i int) int {
	first := l.order[i]
	n := slices.IndexFunc(l.order[i:], func(s step) bool {
		return s.round != first.round || s.place.point().Key() != first.place.point().Key()
	})
	if n < 0 {
		return len(l.order) - i
	}
	return n
}

// What the parts of a sample take that are not measured: as seen on the two-core
// machine of the README, for the time that is left to be told.
const (
	startTime    = 80 * time.Millisecond // of both processes, and their ends
	connTime     = 60 * time.Microsecond // to connect, use and close a connection
	memoryTime   = 40 * time.Millisecond // collections, and reading
	usualWindows = 3                     // of the warm-up
	searchRuns   = 12                    // of a search, each of Duration
	moreTime     = 1.15                  // how much longer a busy machine takes
)

// Estimate is how long the samples will take.
func (l *Lab) Estimate() time.Duration { return l.until[len(l.order)] }

// estimate is what a step is thought to take.
func (l *Lab) estimate(s step) time.Duration {
	set, sc := l.settings, s.place.scenario
	t := startTime + time.Duration(l.connections(s.place))*connTime
	if s.place.searches() {
		t += searchRuns * (set.Duration + set.Window)
	} else {
		t += set.Duration + usualWindows*set.Window + set.callsRun()
	}
	t += time.Duration(sc.MemorySteps) * memoryTime
	if sc.MemoryAfter {
		t += memoryTime
	}
	return time.Duration(float64(t) * moreTime)
}

// callsRun is how long system calls are counted.
func (s Settings) callsRun() time.Duration { return s.Duration / 5 }

// searches tells that the highest rate is asked for here.
func (p place) searches() bool {
	_, planned := p.axes[scenario.Rate]
	return p.scenario.Searches && !planned
}
