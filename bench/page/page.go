package page

import (
	_ "embed" // the template
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/plot"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
	"github.com/weft-go/weft/bench/summary"
)

// Source is a result file and its name.
type Source struct {
	Name string
	result.File
}

// Write writes the page of some files, in their order.
func Write(out io.Writer, sources ...Source) error {
	d := document{Style: template.CSS(plot.Style)}
	for i, s := range sources {
		d.Runs = append(d.Runs, newRun(fmt.Sprintf("r%d", i+1), s))
	}
	return layout.Execute(out, d)
}

//go:embed page.html
var layoutText string

var layout = template.Must(template.New("page").Parse(layoutText))

// document is what the template gets.
type document struct {
	Style template.CSS
	Runs  []run
}

// run is the part of one file.
type run struct {
	ID, Name, Command string
	Facts             []fact
	// Warnings are what a reader has to know before the figures.
	Warnings []string
	// Omitted is what was not to be measured, and why.
	Omitted   []string
	Backends  []result.Backend
	Scenarios []section
	Models    *section
}

type fact struct{ Name, Value string }

// section is a scenario, or the models.
type section struct {
	ID, Title, Question, Note string
	Plots                     []figure
	Tables                    []table
}

// figure is a plot.
type figure struct {
	SVG      template.HTML
	Title    string
	Caption  string
	Command  string
	Numbers  table
	HasTable bool
}

// table is rows under a head; the first column names the row.
type table struct {
	Title string
	Head  []string
	Rows  [][]string
	Notes []string
}

func newRun(id string, s Source) run {
	r := run{ID: id, Name: s.Name, Command: command(s.Run), Facts: facts(s.Run), Warnings: warnings(s.File), Omitted: s.Run.Omitted, Backends: s.Run.Backends}
	all := summary.Of(s.File)
	for start := 0; start < len(all.Points); {
		end := start + 1
		for end < len(all.Points) && all.Points[end].Scenario == all.Points[start].Scenario {
			end++
		}
		r.Scenarios = append(r.Scenarios, newSection(id, s.File, all.Metrics, all.Points[start:end]))
		start = end
	}
	if len(s.Models) > 0 {
		r.Models = modelsSection(id, s.File)
	}
	return r
}

// newSection is one scenario: its points follow each other in a file.
func newSection(id string, f result.File, metrics []result.Metric, points []summary.Point) section {
	name := points[0].Scenario
	sc := scenario.Named(name, metrics)
	s := section{ID: id + "-" + name, Title: name, Question: sc.Question, Note: sc.Note}
	s.Plots = plots(s.ID, f, sc, metrics, points)
	for _, p := range points {
		s.Tables = append(s.Tables, pointTable(p, metrics, sc.Shows))
	}
	return s
}

// command is what made a file, as one would type it.
func command(r result.Run) string {
	if len(r.Argv) == 0 {
		return ""
	}
	return strings.Join(append([]string{"go run ./bench"}, r.Argv[1:]...), " ")
}

func facts(r result.Run) []fact {
	modified := ""
	if r.Modified {
		modified = ", modified"
	}
	all := []fact{
		{"measured", r.Started.Format(time.RFC1123)},
		{"machine", fmt.Sprintf("%s, %d CPUs", r.Host.CPU, r.Host.CPUs)},
		{"system", strings.TrimSpace(r.Host.OS + "/" + r.Host.Arch + " " + r.Host.Kernel)},
		{"Go", r.Host.Go},
		{"revision", r.Revision + modified},
		{"layout", layoutOf(r)},
		{"profile, rounds, seed", fmt.Sprintf("%s, %d, %d", r.Profile, r.Rounds, r.Seed)},
		{"settings", settings(r.Settings)},
		{"environment", settings(r.Environment)},
		{"ratios are to", r.Reference},
	}
	var known []fact
	for _, f := range all {
		if strings.Trim(f.Value, " ,") != "" {
			known = append(known, f)
		}
	}
	return known
}

// settings are in words: "duration 800ms, warm up window 200ms".
func settings(of map[string]string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(of)) {
		all = append(all, strings.ReplaceAll(name, "_", " ")+" "+of[name])
	}
	return strings.Join(all, ", ")
}

// layoutOf says where what was measured ran. A run about models has no backends.
func layoutOf(r result.Run) string {
	if len(r.Backends) > 0 || len(r.Order) == 0 {
		return fmt.Sprint(r.Plan)
	}
	text := "each figure in a process of its own"
	for _, place := range []models.Place{models.OneCPU, models.TwoCPUs} {
		if cpus, known := r.Settings[place.String()]; known {
			text += fmt.Sprintf(", %v: %s", place, cpus)
		}
	}
	return text
}

// warnings are what is wrong with a file as a whole.
func warnings(f result.File) (all []string) {
	switch {
	case f.End == nil:
		all = append(all, fmt.Sprintf("This run was killed: its file has no end. %s were taken.", models.TakenOf(f)))
	case f.End.Interrupted:
		all = append(all, fmt.Sprintf("This run was interrupted: %s were taken.", models.TakenOf(f)))
	}
	if f.End != nil && f.End.Foreign > models.ForeignMost {
		all = append(all, fmt.Sprintf("Other programs had %s of the processors during this run: look at the intervals.", models.Percent(f.End.Foreign)))
	}
	if f.End != nil && f.End.Cut != "" {
		all = append(all, "The time was used up: "+f.End.Cut+".")
	}
	if f.Run.Rounds > 0 && f.Run.Rounds < minRounds {
		all = append(all, fmt.Sprintf("Rounds: %d. That is too few for intervals, and for a proof of any difference; %d are the least.", f.Run.Rounds, minRounds))
	}
	return all
}

// minRounds is from how many rounds on a median has a 95 % interval; see package
// stats.
const minRounds = 6
