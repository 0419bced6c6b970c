package lab

import (
	"strconv"
	"time"

	"github.com/weft-go/weft/bench/backend"
	"github.com/weft-go/weft/bench/pin"
	"github.com/weft-go/weft/bench/scenario"
)

// Settings are what shapes a run.
type Settings struct {
	Profile   scenario.Profile
	Scenarios []scenario.Scenario
	Backends  []string
	// Twice names a backend that is measured under two labels, instead of Backends:
	// a run that must find no difference.
	Twice string
	// Overrides replace the values on axes, at all points that are on them.
	Overrides map[string][]float64

	// Rounds is how often every backend is measured at every point; 0 is as often as
	// the scenario says for the profile.
	Rounds int
	// Duration is the measured time of a sample, Window that of one window of the
	// warm-up, and Windows how many there are at most.
	Duration, Window time.Duration
	Windows          int
	// Retakes is how often a sample is taken again that something else on the
	// machine disturbed; a tenth of all samples at most are.
	Retakes int
	// Budget is the time after which no block is begun that would not end within
	// it; 0 is no limit.
	Budget time.Duration

	Seed uint64
	// Loops as in backend.Config; 0 leaves it to the server.
	Loops int
	Plan  pin.Plan
}

// Of is the settings that belong to a profile.
func Of(p scenario.Profile) Settings {
	if p == scenario.Full {
		return Settings{
			Profile: p, Duration: 800 * time.Millisecond,
			Window: 200 * time.Millisecond, Windows: 6, Retakes: 2,
		}
	}
	return Settings{
		Profile: scenario.Quick, Duration: 120 * time.Millisecond,
		Window: 30 * time.Millisecond, Windows: 4,
		// Bound: 90 seconds are promised, with the building of tables and a block
		// that takes longer than it was thought to.
		Budget: 75 * time.Second,
	}
}

// stored is what a file has of s beside its order, seed and layout.
func (s Settings) stored() map[string]string {
	return map[string]string{
		"duration":              s.Duration.String(),
		"warm_up_window":        s.Window.String(),
		"warm_up_windows_most":  strconv.Itoa(s.Windows),
		"system_calls_duration": s.callsRun().String(),
		"retakes_most":          strconv.Itoa(s.Retakes),
		"budget":                s.Budget.String(),
		"loops":                 strconv.Itoa(s.Loops),
	}
}

// row is a server that is measured, under a label.
type row struct {
	label   string
	backend backend.Backend
}

// rows are the servers of these settings. Errors: unknown names.
func (s Settings) rows() ([]row, error) {
	names, suffixes := s.Backends, []string{""}
	if s.Twice != "" {
		names, suffixes = []string{s.Twice}, []string{"/A", "/B"}
	}
	var rows []row
	for _, name := range names {
		b, err := backend.Find(name)
		if err != nil {
			return nil, err
		}
		for _, suffix := range suffixes {
			rows = append(rows, row{name + suffix, b})
		}
	}
	return rows, nil
}

// reference is the label that ratios are taken against: the floor's if it is
// measured, otherwise the first one's.
func reference(rows []row) string {
	for _, r := range rows {
		if r.label == backend.Floor {
			return r.label
		}
	}
	return rows[0].label
}
