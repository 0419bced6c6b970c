package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/weft-go/weft/bench/advise"
	"github.com/weft-go/weft/bench/models"
	"github.com/weft-go/weft/bench/result"
	"github.com/weft-go/weft/bench/scenario"
)

// adviseCommand chooses a model. What is not given is asked for on a terminal, and
// is the default elsewhere.
type adviseCommand struct {
	Connections   *string `help:"How many connections there are at a time."`
	Active        *string `help:"The share of them that has a request at a time: 0.1, or 10%. Default: 10%."`
	CPUPerRequest *string `name:"cpu-per-request" help:"Processor time of a request, without waiting: 50us. Default: 100us."`
	Isolation     *string `help:"What must not harm others: none, crash (a crash takes some connections, never all), security. Default: none."`
	Memory        *string `help:"What the connections may take, their sockets in the kernel included: 512MB, 4GB. Default: half of what is available now."`
	Results       string  `placeholder:"FILE" help:"Figures of bench models. Default: the newest in the folder .bench; without any, some are measured first."`
}

func (c *adviseCommand) Run(ctx context.Context, t *terminal) error {
	q, err := c.question(t)
	if err != nil {
		return err
	}
	table, source, err := c.figures(ctx, t)
	if err != nil {
		return err
	}
	a, err := advise.Ask(q, table)
	fmt.Fprintf(t.out, "%d connections, %s of them active, %v of CPU per request, isolation %v, %s of memory\nby the figures in %s\n\n",
		q.Connections, models.Percent(q.Active), q.CPUPerRequest, q.Isolation, models.Bytes(float64(q.Memory)), source)
	if err == nil {
		tellAdvice(t.out, a, table)
	}
	for _, v := range a.Others {
		why := v.Broken
		if why == "" {
			why = fmt.Sprintf("possible, with %s of memory, %s of a request's CPU time to wake its handler", models.Bytes(v.Memory), models.Percent(v.Overhead))
		}
		fmt.Fprintf(t.out, "not %s: %s\n", v.Model, why)
	}
	return err
}

func tellAdvice(w io.Writer, a advise.Answer, table models.Table) {
	v := a.Chosen
	fmt.Fprintf(w, "take: %s (%s)\n", v.Model, v.About)
	fmt.Fprintf(w, "because %s:\n", a.Reason)
	sockets := "without their sockets, which were not measured"
	if a.Sockets > 0 {
		sockets = models.Bytes(a.Sockets) + " of it in the kernel for their sockets"
	}
	fmt.Fprintf(w, "  memory     %s for all connections, %s; buffers are not counted\n", models.Bytes(v.Memory), sockets)
	fmt.Fprintf(w, "  CPU        %s to wake a handler: %s of a request's CPU time\n", models.Microseconds(v.Wake), models.Percent(v.Overhead))
	if n, limit, known := table.Fits(v.Model); known {
		fmt.Fprintf(w, "  fit        %.0f, by %s\n", n, limit)
	}
	for _, row := range table.Select() {
		if row.Model == v.Model && row.Isolation != "-" {
			fmt.Fprintf(w, "  isolation  a panic, a kill, a runaway takes or delays %s of the others\n", row.Isolation)
		}
	}
	if a.RunnerUp != nil {
		fmt.Fprintf(w, "the second is: %s (%s)\n  %s\n", a.RunnerUp.Model, a.RunnerUp.About, a.Against)
	}
	fmt.Fprintln(w)
}

// question takes the flags, then what is typed, then the defaults.
func (c *adviseCommand) question(t *terminal) (q advise.Question, err error) {
	ask := newPrompt(t)
	q.Workers = runtime.NumCPU()
	available := models.OfMachine().Available
	for _, part := range []struct {
		flag     string
		given    *string
		question string
		standard string
		read     func(text string) error
	}{
		{"connections", c.Connections, "How many connections at a time?", "", func(text string) error {
			q.Connections, err = strconv.Atoi(text)
			if err != nil || q.Connections < 1 {
				return errors.New("not a positive number")
			}
			return nil
		}},
		{"active", c.Active, "What share of them has a request at a time?", "10%", func(text string) (err error) {
			q.Active, err = readShare(text)
			return err
		}},
		{"cpu-per-request", c.CPUPerRequest, "How much processor time does a request take?", "100us", func(text string) error {
			q.CPUPerRequest, err = time.ParseDuration(text)
			if err != nil || q.CPUPerRequest < 0 {
				return errors.New("not a time, as 50us or 2ms")
			}
			return nil
		}},
		{"isolation", c.Isolation, "What must not harm the others: none, crash, security?", "none", func(text string) error {
			return q.Isolation.UnmarshalText([]byte(text))
		}},
		{"memory", c.Memory, "How much memory may the connections take?", strconv.FormatInt(max(available/2, 1), 10), func(text string) (err error) {
			q.Memory, err = readBytes(text)
			return err
		}},
	} {
		text := part.standard
		if part.given != nil {
			text = *part.given
		} else if typed := ask.answer(part.question, part.standard); typed != "" {
			text = typed
		}
		if text == "" {
			return q, refuse("--%s: not given", part.flag)
		}
		if err := part.read(text); err != nil {
			return q, refuse("--%s: %q: %w", part.flag, text, err)
		}
	}
	return q, nil
}

// prompt asks on a terminal, and nowhere else.
type prompt struct {
	lines *bufio.Scanner // nil without a terminal
	w     io.Writer
}

func newPrompt(t *terminal) prompt {
	if !isTerminal(t.err) || !isTerminal(t.in) || isNull(t.in) {
		return prompt{}
	}
	return prompt{bufio.NewScanner(t.in), t.err}
}

// isNull tells the null device, which looks like a terminal.
func isNull(f *os.File) bool {
	null, err := os.Stat(os.DevNull)
	if err != nil {
		return false
	}
	info, err := f.Stat()
	return err == nil && os.SameFile(info, null)
}

// answer is what was typed; empty for the default, and at the end of the input.
func (p prompt) answer(question, standard string) string {
	if p.lines == nil {
		return ""
	}
	if n, err := strconv.ParseInt(standard, 10, 64); err == nil {
		standard = models.Bytes(float64(n))
	}
	if standard != "" {
		question += " [" + standard + "]"
	}
	fmt.Fprint(p.w, question+" ")
	if !p.lines.Scan() {
		return ""
	}
	return strings.TrimSpace(p.lines.Text())
}

// readShare reads 0.1, or 10%.
func readShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v >= 0 && v <= 1) {
		return 0, errors.New("not a share, as 0.1 or 10%")
	}
	return v, nil
}

// readBytes reads 512MB: units are of 1024.
func readBytes(text string) (int64, error) {
	digits := strings.TrimRight(strings.ToUpper(text), "KMGTIB ")
	scale, known := map[string]float64{"": 1, "B": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(strings.ToUpper(text)[len(digits):]), "B"), "I")]
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || v*scale < 1 || v*scale > 1<<60 {
		return 0, errors.New("not an amount of memory, as 512MB")
	}
	return int64(v * scale), nil
}

// figures are those of a file, or are measured now.
func (c *adviseCommand) figures(ctx context.Context, t *terminal) (models.Table, string, error) {
	if c.Results != "" {
		f, err := result.Read(c.Results)
		if err != nil {
			return nil, "", refuse("--results: %w", err)
		}
		if !enough(f.Models) {
			return nil, "", refuse("--results: %s does not have memory and switch/io of every model: see bench models", c.Results)
		}
		return f.Models, c.Results, nil
	}
	if table, path := newestModels(resultFolder); table != nil {
		return table, path, nil
	}
	path, err := resultPath("", time.Now())
	if err != nil {
		return nil, "", err
	}
	fmt.Fprintln(t.err, "no figures about models in the folder .bench: some are measured now, and kept")
	s, err := (&modelsCommand{Profile: scenario.Quick}).settings()
	if err != nil {
		return nil, "", err
	}
	s.Kinds, s.CrashRounds = []string{models.SwitchIO, "memory", "fit"}, 0
	f, err := measureModels(ctx, t, s, string(scenario.Quick), path)
	return f.Models, path, err
}

// enough tells that there is what advice stands on: of every model, so that a run which
// was interrupted, or was about one of them, does not decide against the others.
func enough(table models.Table) bool {
	for _, model := range advise.Units() {
		for _, quantity := range []string{models.MemoryUser, models.MemoryKernel, models.SwitchIO} {
			if _, known := table.Value(model, quantity); !known {
				return false
			}
		}
	}
	return true
}

// newestModels looks for figures about models in a folder: the names of the files
// there begin with their time.
func newestModels(folder string) (models.Table, string) {
	paths, _ := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	slices.Sort(paths)
	for _, path := range slices.Backward(paths) {
		if f, err := result.Read(path); err == nil && enough(f.Models) {
			return f.Models, path
		}
	}
	return nil, ""
}
