package result

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/measure"
	"github.com/weft-go/weft/bench/pin"
)

// Schema is the version of the file's form. It grows when a key changes its
// meaning or goes; new keys do not change it. Version 1 was one JSON object.
const Schema = 2

// Run is the head of a file: everything that shapes the results.
type Run struct {
	Schema  int       `json:"schema"`
	Started time.Time `json:"started"`
	// Argv is the command, Profile the name of the settings it chose.
	Argv    []string `json:"argv"`
	Profile string   `json:"profile"`
	// Revision is the version of the source, and Modified tells that the tree
	// differed from it.
	Revision string `json:"revision"`
	Modified bool   `json:"modified"`

	Host measure.Host `json:"host"`
	Plan pin.Plan     `json:"layout"`
	// Sysctls and Environment (GOGC, GOMAXPROCS and the like) by name.
	Sysctls     map[string]string `json:"sysctls"`
	Environment map[string]string `json:"environment"`

	// Settings of the runs, by name.
	Settings map[string]string `json:"settings,omitempty"`
	// Omitted says, in sentences, what was not measured, and why.
	Omitted []string `json:"omitted,omitempty"`

	// Seed decided Order and every payload.
	Seed      uint64    `json:"seed"`
	Rounds    int       `json:"rounds"`
	Reference string    `json:"reference"`
	Backends  []Backend `json:"backends"`
	Order     []Step    `json:"order"`
}

// Backend is a row's server.
type Backend struct {
	Name string `json:"name"`
	// About says in one line who waits, and how; Version what was run.
	About   string `json:"about"`
	Version string `json:"version"`
	// SocketOptions of its connections, as the server's process shows them.
	SocketOptions map[string]string `json:"socket_options,omitempty"`
	// Absent says how to install what is missing; such a backend has no samples.
	Absent string `json:"absent,omitempty"`
}

// Point is where in the space of scenarios a sample was taken: the scenario and
// the values of its axes, as connections, size_bytes, depth, rate.
type Point struct {
	Scenario string             `json:"scenario"`
	Axes     map[string]float64 `json:"axes"`
}

// Key is one text per point: "echo connections=100 depth=1 size_bytes=64".
func (p Point) Key() string {
	var b strings.Builder
	b.WriteString(p.Scenario)
	for _, axis := range slices.Sorted(maps.Keys(p.Axes)) {
		fmt.Fprintf(&b, " %s=%s", axis, strconv.FormatFloat(p.Axes[axis], 'g', -1, 64))
	}
	return b.String()
}

// Step is one sample to take.
type Step struct {
	Round   int    `json:"round"` // from 1
	Point   Point  `json:"point"`
	Backend string `json:"backend"`
}

// Sample is one run of one server process.
type Sample struct {
	Step
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Figures by the name of their Metric. What was not measured is not in it.
	Figures map[string]float64 `json:"figures"`
	// Histograms are HDR histograms of nanoseconds (compressed V2, base64), by
	// name: "latency", "service", "send_lag", "connect", "skew".
	Histograms map[string]string `json:"histograms,omitempty"`
	// Marks are what a reader has to know: "generator-limited", "not warm",
	// "disturbed", "taken again".
	Marks []string `json:"marks,omitempty"`
	// Void is why the figures must not be used; empty if they can be.
	Void string `json:"void,omitempty"`
}

// Model is one figure about one concurrency model.
type Model struct {
	Model string `json:"model"`
	// Quantity is what was measured, as "create", "switch/direct".
	Quantity string `json:"quantity"`
	// Workers is how many there were, where that matters; otherwise 0.
	Workers int     `json:"workers,omitempty"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	// Low and High are the ends of the 95 % confidence interval.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Samples is how many values the median is of.
	Samples int `json:"samples"`
	// Values are those, in the order of the rounds; none where Value was computed
	// from other figures, and in older files.
	Values []float64 `json:"values,omitempty"`
}

// End closes a file that is whole.
type End struct {
	Finished time.Time `json:"finished"`
	// Interrupted tells that not all of Order was taken.
	Interrupted bool `json:"interrupted"`
	// Cut says why, where that was not by a signal: the time was used up.
	Cut string `json:"cut,omitempty"`
	// Foreign is the share of our processors' time that other programs had, of a run
	// about models. Samples have a figure of that name each.
	Foreign float64 `json:"foreign,omitempty"`
}

// File is a file as it was read.
type File struct {
	Run     Run
	Samples []Sample
	Models  []Model
	// End is nil where the file ends without one: the run was killed.
	End *End
}
