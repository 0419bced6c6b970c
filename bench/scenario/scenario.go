package scenario

import (
	"fmt"
	"slices"
	"strings"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/load"
	"github.com/weft-go/weft/bench/result"
)

// Scenario is one question.
type Scenario struct {
	Name string
	// Question is what it asks, in one line.
	Question string
	// Note says whose its figures are, and of what, where that is not every message;
	// one line, or empty.
	Note string
	// Workload is what the server has to run.
	Workload backend.Workload
	// Shows are the metrics of its table, in order, by name.
	Shows []string
	// Draws are those that only its plots show, since a table has no room for all.
	Draws []string

	// Points lists where it is measured under a profile; none leaves it out.
	Points func(Profile) []Axes
	// QuickRounds is how often a point is measured in the profile quick; nil is once,
	// for a first look.
	QuickRounds func(Axes) int
	// Groups are the connections at a point.
	Groups func(Axes) []load.Group
	// Figures are what a sample there says.
	Figures func(Axes, Reading) Figures

	// MemorySteps is in how many equal steps the connections are opened: the
	// server's memory is read after each, so that there is a slope. 0 is one step,
	// without reading. MemoryAfter reads it once more when the load has ended.
	MemorySteps int
	MemoryAfter bool
	// Searches tells that a point without the axis Rate asks for the highest
	// rate whose 99th percentile is within the axis Limit.
	Searches bool
}

// All is every scenario, in the order of the tables.
var All = []Scenario{echo, idle, churn, fanout, slow, fair, straggler, rate, scale, http}

// Names lists them.
func Names() []string {
	var names []string
	for _, s := range All {
		names = append(names, s.Name)
	}
	return names
}

// Of is the scenarios that a profile has points for.
func Of(p Profile) (found []Scenario) {
	for _, s := range All {
		if len(s.Points(p)) > 0 {
			found = append(found, s)
		}
	}
	return found
}

// Find returns the scenario of that name. The error names those there are.
func Find(name string) (Scenario, error) {
	i := slices.IndexFunc(All, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		return Scenario{}, fmt.Errorf("unknown scenario %q; there are: %s", name, strings.Join(Names(), ", "))
	}
	return All[i], nil
}

// Named is Find for a file's sake: a scenario that is not known, since another version
// of this program wrote the file, has a name, no question, and shows all there is.
func Named(name string, metrics []result.Metric) Scenario {
	s, err := Find(name)
	if err != nil {
		s = Scenario{Name: name}
		for _, m := range metrics {
			s.Shows = append(s.Shows, m.Name)
		}
	}
	return s
}

// Profile is how thorough a run is.
type Profile string

const (
	// Quick is for a first look: under 90 seconds for all default backends.
	Quick Profile = "quick"
	// Full is for results that are kept.
	Full Profile = "full"
)

// fullRounds is how often a point is measured in the profile full.
//
// Bound: ten pairs that all point one way have a p-value of 0.002, which is left
// of 0.05 after a correction for 25 comparisons.
const fullRounds = 10

// Rounds is how often a point is measured under a profile.
func (s Scenario) Rounds(p Profile, a Axes) int {
	switch {
	case p == Full:
		return fullRounds
	case s.QuickRounds != nil:
		return s.QuickRounds(a)
	}
	return 1
}

// UnmarshalText reads a profile's name. Error: there is none of that name.
func (p *Profile) UnmarshalText(name []byte) error {
	switch known := Profile(name); known {
	case Quick, Full:
		*p = known
		return nil
	}
	return fmt.Errorf("unknown profile %q; there are: quick, full", name)
}

// messageSize is the bytes of a message where its size is not the question: an
// RPC's or a chat line's, and small enough for the kernel's work per message, not
// per byte, to show.
const messageSize = 64
